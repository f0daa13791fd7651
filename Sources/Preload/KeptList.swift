// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Glibc

/// The list last accepted, on disk with its signature, so that a restart without network has it.
///
/// One file, replaced as one: list and signature never come apart. It is checked again when it is read.
struct KeptList: Sendable, Equatable {
    static let fileName = "preload.kept"
    private static let heading = "sts-milter preload 1"
    private static let maxHeaderBytes = 4096

    /// Where the list came from: one from elsewhere is not kept for this source.
    let source: String
    let signature: [UInt8]
    let text: [UInt8]

    init(source: String, signature: [UInt8], text: [UInt8]) {
        self.source = source
        self.signature = signature
        self.text = text
    }

    /// Nil if there is none, or it is not readable.
    init?(in directory: String) {
        let limit = PreloadList.limitBytes + SignatureChecker.limitBytes + Self.maxHeaderBytes
        guard let bytes = try? readRegularFile(directory + "/" + Self.fileName, limitBytes: limit) else { return nil }
        let lines = bytes.prefix(Self.maxHeaderBytes).split(
            separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
        guard lines.count == 4, lines[0].elementsEqual(Self.heading.utf8),
            let length = Int(String(decoding: lines[2], as: UTF8.self)), length >= 0,
            bytes.count - lines[3].startIndex >= length
        else { return nil }
        source = String(decoding: lines[1], as: UTF8.self)
        let start = lines[3].startIndex
        signature = Array(bytes[start..<start + length])
        text = Array(bytes[(start + length)...])
    }

    func write(to directory: String) throws {
        let header = "\(Self.heading)\n\(source)\n\(signature.count)\n"
        try Data(Array(header.utf8) + signature + text).write(
            to: URL(fileURLWithPath: directory + "/" + Self.fileName), options: .atomic)
    }
}

/// Reads a file whole; a device or a pipe could have no end.
func readRegularFile(_ path: String, limitBytes: Int) throws(DocumentError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw DocumentError("\(printable(path)): \(String(cString: strerror(errno)))") }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw DocumentError("\(printable(path)): not a file")
    }
    guard status.st_size <= limitBytes else {
        throw DocumentError("\(printable(path)): \(status.st_size) bytes, more than \(limitBytes)")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= limitBytes {
        let count = read(file, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return [] }
        if count == 0 { return bytes }
        bytes += chunk.prefix(count)
    }
    // The file has grown since it was asked for its size.
    throw DocumentError("\(printable(path)): more than \(limitBytes) bytes")
}
