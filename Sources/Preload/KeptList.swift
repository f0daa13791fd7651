// SPDX-License-Identifier: Apache-2.0
import Basics

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
        guard let bytes = try? RegularFile.read(directory + "/" + Self.fileName, limitBytes: limit) else { return nil }
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

    func write(to directory: String) throws(FileError) {
        let header = "\(Self.heading)\n\(source)\n\(signature.count)\n"
        try RegularFile.replace(
            directory + "/" + Self.fileName, with: Array(header.utf8) + signature + text, mode: 0o640,
            followsLinks: false)
    }
}
