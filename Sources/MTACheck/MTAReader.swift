// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads the configuration of MTAs on this machine.
package enum MTAReader {
    /// Largest sendmail.cf read, in bytes.
    private static let limitBytes = 4 << 20

    /// Asks `postconf` about the configuration in a directory; nil stands for the system's own directory and program.
    package static func postfix(directory: String?, postconf named: String?) throws(MTAUnreadable) -> PostfixFacts {
        let program = if let named { named } else { try systemPostconf() }
        let place = directory.map { ["-c", $0] } ?? []
        return PostfixFacts(
            directory: trimmed(try run(program, place + ["-h", "config_directory"])),
            parameters: try run(program, place + ["-x"]), services: try run(program, place + ["-M"]),
            overrides: try run(program, place + ["-P", "-x"]))
    }

    /// Reads a sendmail.cf.
    package static func sendmail(file: String) throws(MTAUnreadable) -> SendmailFacts {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw MTAUnreadable(description: "\(file) cannot be read; name another with --cf")
        }
        guard bytes.count <= limitBytes else {
            throw MTAUnreadable(description: "\(file) is larger than \(limitBytes) bytes")
        }
        return SendmailFacts(text: String(decoding: bytes, as: UTF8.self), file: file)
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
    private static func run(_ program: String, _ arguments: [String]) throws(MTAUnreadable) -> String {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        do { try process.run() } catch { throw MTAUnreadable(description: "\(program): \(error)") }
        // Warnings are few: they fit into the pipe while the output is read.
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw MTAUnreadable(description: "\(program) \(arguments.joined(separator: " ")): \(trimmed(complaint))")
        }
        return text
    }
}
