// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// A directory under /tmp that goes away with its last owner.
package final class TemporaryDirectory: Sendable {
    /// The directory, without a trailing slash.
    package let path: String
    private let keep: Bool

    /// Makes `<prefix>-XXXXXX`, readable for other users since MTAs drop their rights, in /tmp or, if it is set, in
    /// `STS_LAB_DIR`, which Tests/lab/netns removes in the end.
    ///
    /// With `STS_LAB_KEEP` in the environment the directory stays, to be looked at after a failure.
    package init(_ prefix: String = "sts-lab") throws {
        let environment = ProcessInfo.processInfo.environment
        var template = Array("\(environment["STS_LAB_DIR"] ?? "/tmp")/\(prefix)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw FileFailure("mkdtemp \(prefix): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        keep = environment["STS_LAB_KEEP"] != nil
        guard chmod(path, 0o755) == 0 else { throw FileFailure("chmod \(path)") }
    }

    /// Writes a file below the directory and gives its path.
    @discardableResult
    package func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
        let file = path + "/" + name
        try writeFile(file, text, mode: mode)
        return file
    }

    /// Makes a directory below the directory and gives its path.
    package func makeDirectory(_ name: String, mode: mode_t = 0o755) throws -> String {
        let directory = path + "/" + name
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        chmod(directory, mode)
        return directory
    }

    deinit {
        if !keep { try? FileManager.default.removeItem(atPath: path) }
    }
}

/// Replaces the file `path` with `text`.
package func writeFile(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
    do {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
        throw FileFailure("write \(path): \(error)")
    }
    chmod(path, mode)
}

/// Reads the file `path`, whatever bytes it holds; empty if there is none.
package func readFile(_ path: String) -> String {
    guard let bytes = FileManager.default.contents(atPath: path) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
}

/// A file or a directory that could not be made.
package struct FileFailure: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
