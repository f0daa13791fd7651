// SPDX-License-Identifier: Apache-2.0
import LabKit
import Settings
import TLS
import Testing
import TestKit
@testable import MTACheck

@Suite("postconf is asked under limits, and what it says wrong is told")
struct MTAReaderTests {
    private func failure(_ script: String?, within limit: Duration = .seconds(20)) async throws -> String {
        let files = try TemporaryDirectory("sts-postconf")
        let path = files.path + "/postconf"
        if let script { try files.write("postconf", "#!/bin/sh\n\(script)\n", mode: 0o755) }
        do throws(MTAUnreadable) {
            _ = try await MTAReader.postfix(directory: "/etc/p", postconf: path, within: limit)
            return ""
        } catch { return error.description.replacing(path, with: "PATH") }
    }

    @Test("its answers are the facts")
    func facts() async throws {
        let files = try TemporaryDirectory("sts-postconf")
        let path = try files.write(
            "postconf",
            """
            #!/bin/sh
            echo "postconf: warning: unused parameter" >&2
            case "$*" in
            "-c /etc/p -h config_directory") echo /etc/p;;
            "-c /etc/p -x") echo "mail_version = 3.7.11";;
            "-c /etc/p -n") echo "smtp_tls_loglevel = 1";;
            "-c /etc/p -M") echo "smtp unix - - n - - smtp";;
            "-c /etc/p -P -x") echo "smtp/unix/smtp_tls_security_level = none";;
            *) exit 1;;
            esac

            """, mode: 0o755)
        let facts = try await MTAReader.postfix(directory: "/etc/p", postconf: path)
        #expect(facts.directory == "/etc/p" && facts.version == PostfixVersion(3, 7, 11))
        #expect(facts.set == ["smtp_tls_loglevel"])
        #expect(facts.services == [.init("smtp/unix", "smtp", overrides: ["smtp_tls_security_level": "none"])])
    }

    @Test("one that fails, is missing, hangs or never ends what it says is told apart")
    func failures() async throws {
        let failing = try await failure("echo 'fatal: no main.cf' >&2; exit 1")
        #expect(failing == "PATH -c /etc/p -h config_directory: fatal: no main.cf")
        #expect(try await failure(nil) == "PATH cannot be run: No such file or directory")
        #expect(try await failure("sleep 1000", within: .seconds(1)) == "PATH did not end within 1 s")
        #expect(try await failure("exec yes") == "PATH says more than 4194304 bytes")
    }
}

@Suite("Files and folders of trusted authorities")
struct AuthorityFindingTests {
    let files: TemporaryDirectory
    let authority: CertificateAuthority

    init() throws {
        files = try TemporaryDirectory("sts-authorities")
        authority = try CertificateAuthority()
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func expiredRoot() throws -> String {
        let path = files.path
        try files.write("ca.ext", "basicConstraints=critical,CA:TRUE\n")
        try Command.check([
            "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            path + "/key.pem", "-out", path + "/old.csr", "-subj", "/CN=old root",
        ])
        // It ends before it begins.
        try Command.check([
            "openssl", "x509", "-req", "-in", path + "/old.csr", "-signkey", path + "/key.pem", "-days", "-1",
            "-extfile", path + "/ca.ext", "-out", path + "/old.pem",
        ])
        return try text(path + "/old.pem")
    }

    @Test("a file is known by what it holds")
    func file() throws {
        let root = try text(authority.caFile)
        let leaf = try text(authority.issue(names: ["mx.example.org"]).certificateFile)
        let intermediate = try authority.intermediate()
        let chain = try text(
            intermediate.issue(names: ["mx.example.org"], options: [.withoutIntermediate]).certificateFile)
        let below = try text(intermediate.issue(names: ["mx.example.org"]).certificateFile)
        let expired = try expiredRoot()
        for (content, finding) in [
            (root, .usable), (leaf + root, .usable), ("", .noCertificate), ("words\n", .noCertificate),
            (leaf, .noAuthority), (chain, .noAuthority), (below, .noRoot), (expired, .expired),
            (expired + root, .usable), (root + "-----BEGIN CERTIFICATE-----\nAAAA\n", .noCertificate),
        ] as [(String, AuthorityFinding)] {
            let path = try files.write("ca.pem", content)
            #expect(AuthorityFinding(file: path) == finding, "\(content)")
        }
        #expect(AuthorityFinding(file: files.path + "/none.pem") == .unreadable("No such file or directory"))
        #expect(AuthorityFinding(file: "/etc/ssl/certs/ca-certificates.crt") == .usable)
    }

    @Test("a folder is known by the files that are named by their hash")
    func folder() throws {
        let path = files.path + "/ca"
        #expect(AuthorityFinding(folder: path) == .unreadable("No such file or directory"))
        try Command.check(["mkdir", path])
        #expect(AuthorityFinding(folder: path) == .noHashedName)
        try files.write("ca/root.pem", try text(authority.caFile))
        #expect(AuthorityFinding(folder: path) == .noHashedName)
        try files.write("ca/0123abcd.0", try text(authority.issue(names: ["mx.example.org"]).certificateFile))
        #expect(AuthorityFinding(folder: path) == .noAuthority)
        try Command.check(["openssl", "rehash", path])
        #expect(AuthorityFinding(folder: path) == .usable)
        #expect(AuthorityFinding(folder: "/etc/ssl/certs") == .usable)
    }

    @Test("are those that postconf names, as its clients see them")
    func ofPostfix() async throws {
        let path = try files.write(
            "postconf",
            """
            #!/bin/sh
            case "$*" in
            -n) ;;
            "-h config_directory") echo /etc/p;;
            "-x") echo "queue_directory = \(files.path)"
                echo "smtp_tls_CAfile = \(authority.caFile)"
                echo "smtp_tls_CApath = /etc/ssl/certs";;
            "-M") echo "smtp unix - - y - - smtp"
                echo "own unix - - n - - smtp -o smtp_tls_CAfile=none.pem";;
            "-P -x") echo "own/unix/smtp_tls_CAfile = none.pem";;
            *) exit 1;;
            esac

            """, mode: 0o755)
        let facts = try await MTAReader.postfix(directory: nil, postconf: path)
        #expect(
            facts.authorities == [
                authority.caFile: .usable, files.path + "/none.pem": .unreadable("No such file or directory"),
                "/etc/ssl/certs": .usable,
                files.path + "/etc/ssl/certs": .unreadable("No such file or directory"),
            ])
    }
}
