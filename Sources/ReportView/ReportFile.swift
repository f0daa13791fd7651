// SPDX-License-Identifier: Apache-2.0
import Glibc
import Names

/// A file that may hold reports, named on a command line.
package struct ReportFile: Sendable {
    /// Largest file that is read, in octets: a mailbox of a year's reports.
    package static let maxBytes = 256 << 20
    private static let pieceBytes = 256 << 10

    /// Why a file could not be read.
    package struct Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
        /// Safe to print.
        package let description: String
    }

    /// `-` is standard input.
    package let path: String

    package init(_ path: String) { self.path = path }

    /// The name of the file for people, safe to print.
    package var name: String { path == "-" ? "standard input" : printable(path, limit: 1024) }

    package func bytes() throws(Unreadable) -> [UInt8] {
        guard path != "-" else { return try Self.readAll(STDIN_FILENO) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unreadable(errno) }
        defer { close(descriptor) }
        return try Self.readAll(descriptor)
    }

    private static func readAll(_ descriptor: CInt) throws(Unreadable) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Unreadable(errno) }
            guard count > 0 else { return bytes }
            bytes += piece[..<count]
            guard bytes.count <= maxBytes else { throw Unreadable(description: "larger than \(maxBytes >> 20) MiB") }
        }
    }
}

extension ReportFile.Unreadable {
    fileprivate init(_ code: CInt) {
        description = strerror(code).map { printable(String(cString: $0)) } ?? "error \(code)"
    }
}
