// SPDX-License-Identifier: Apache-2.0
import LabKit
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
            "-c /etc/p -M") echo "smtp unix - - n - - smtp";;
            "-c /etc/p -P -x") echo "smtp/unix/smtp_tls_security_level = none";;
            *) exit 1;;
            esac

            """, mode: 0o755)
        let facts = try await MTAReader.postfix(directory: "/etc/p", postconf: path)
        #expect(facts.directory == "/etc/p" && facts.version == PostfixVersion(3, 7, 11))
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
