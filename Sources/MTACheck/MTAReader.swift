// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Processes
import TLS

/// Reads the configuration of MTAs on this machine.
package enum MTAReader {
    /// Largest sendmail.cf read, in bytes.
    private static let limitBytes = 4 << 20
    /// How long postconf may take; it needs some hundredths of a second.
    package static let waitLimit = Duration.seconds(30)
    /// What postconf may write, in octets; `postconf -x` writes some 40 KiB.
    private static let outputLimitBytes = 4 << 20

    /// Asks `postconf` about the configuration in a directory; nil stands for the system's own directory and program.
    /// - Parameter limit: time for each of its questions.
    package static func postfix(
        directory: String?, postconf named: String?, within limit: Duration = waitLimit
    ) async throws(MTAUnreadable) -> PostfixFacts {
        let program = if let named { named } else { try systemPostconf() }
        let place = directory.map { ["-c", $0] } ?? []
        func ask(_ arguments: String...) async throws(MTAUnreadable) -> String {
            try await run(program, place + arguments, within: limit)
        }
        var facts = PostfixFacts(
            directory: trimmed(try await ask("-h", "config_directory")), parameters: try await ask("-x"),
            set: try await ask("-n"), services: try await ask("-M"), overrides: try await ask("-P", "-x"))
        for client in facts.clients {
            if let file = facts.authorityFile(for: client) { facts.authorities[file] = AuthorityFinding(file: file) }
            if let folder = facts.authorityFolder(for: client) {
                facts.authorities[folder] = AuthorityFinding(folder: folder)
            }
        }
        return facts
    }

    /// Reads a sendmail.cf, and asks the program what it is built with if it can be asked.
    /// - Parameter named: the program; nil stands for the system's own, if that is Sendmail's.
    package static func sendmail(
        file: String, program named: String?, within limit: Duration = waitLimit
    ) async throws(MTAUnreadable) -> SendmailFacts {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw MTAUnreadable(description: "\(file) cannot be read; name another with --cf")
        }
        guard bytes.count <= limitBytes else {
            throw MTAUnreadable(description: "\(file) is larger than \(limitBytes) bytes")
        }
        var facts = SendmailFacts(text: String(decoding: bytes, as: UTF8.self), file: file)
        let (authorities, folder) = (facts["CACertFile"], facts["CACertPath"])
        if !authorities.isEmpty { facts.authorities[authorities] = AuthorityFinding(file: authorities) }
        if !folder.isEmpty { facts.authorities[folder] = AuthorityFinding(folder: folder) }
        // Whoever names a program wants to hear of it; without one the file says most.
        if let named {
            facts.read(program: try await run(named, sendmailQuestion, within: limit))
        } else if let program = systemSendmail,
            let said = try? await run(program, sendmailQuestion, within: limit), said.hasPrefix("Version 8")
        {
            facts.read(program: said)
        }
        return facts
    }

    /// Version, features and names of the machine; its input is empty, so that it tests no address.
    private static let sendmailQuestion = ["-d0.13", "-bt"]

    /// Sendmail's own program; `/usr/sbin/sendmail` may be any MTA's.
    package static var systemSendmail: String? {
        ["/usr/libexec/sendmail/sendmail", "/usr/lib/sm.bin/sendmail", "/usr/sbin/sendmail.sendmail"].first(
            where: FileManager.default.isExecutableFile)
    }

    private static func systemPostconf() throws(MTAUnreadable) -> String {
        // Not always in the PATH of a user who may read the configuration.
        let places = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/opt/postfix/sbin"].map { $0 + "/postconf" }
        guard let program = places.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw MTAUnreadable(
                description: "no postconf in \(places.joined(separator: ", ")); name it with --postconf")
        }
        return program
    }

    /// Runs a program and gives what it writes.
    private static func run(
        _ path: String, _ arguments: [String], within limit: Duration
    ) async throws(MTAUnreadable) -> String {
        // In our environment, where MAIL_CONFIG may name the directory.
        let program = Program(path, arguments, environment: nil)
        let said: ProgramOutput
        do throws(ProgramFailure) {
            said = try await program.run(within: limit, outputLimitBytes: outputLimitBytes)
        } catch { throw MTAUnreadable(description: "\(path) \(error)") }
        guard said.status == 0 else {
            let complaint = trimmed(String(decoding: said.errors, as: UTF8.self))
            let cure =
                complaint.firstRange(of: "main.cf") != nil && complaint.firstRange(of: "No such file") != nil
                ? "; Postfix is not configured yet: dpkg-reconfigure postfix makes a main.cf, --config-dir names another directory"
                : ""
            throw MTAUnreadable(description: "\(path) \(arguments.joined(separator: " ")): \(complaint)\(cure)")
        }
        return String(decoding: said.output, as: UTF8.self)
    }
}
