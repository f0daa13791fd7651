// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Compresses what is written to it piece by piece, into memory. - RFC 1952 §2.3: Member format.
///
/// The header holds no name and no time: the same input gives the same output.
package struct GzipWriter: ~Copyable {
    /// Octets that zlib gives at a time.
    private static let pieceBytes = 16 << 10

    /// On the heap, since zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private var output: [UInt8] = []

    package init() throws(GzipError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard CZlib_deflate_gzip(stream, Z_DEFAULT_COMPRESSION) == Z_OK else { throw .outOfMemory }
    }

    deinit {
        // Harmless on a stream that was never opened.
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Octets that have come out so far; zlib holds back some tens of kilobytes of input.
    package var compressedCount: Int { output.count }

    package mutating func write(_ bytes: [UInt8]) throws(GzipError) {
        var start = 0
        while start < bytes.count {
            let end = min(start + maxPieceBytes, bytes.count)
            try deflateAll(bytes[start..<end], Z_NO_FLUSH)
            start = end
        }
    }

    /// Ends the member and gives all that came out.
    package consuming func finish() throws(GzipError) -> [UInt8] {
        try deflateAll([], Z_FINISH)
        return output
    }

    private mutating func deflateAll(_ input: ArraySlice<UInt8>, _ flush: Int32) throws(GzipError) {
        let stream = stream
        let isDone = input.withUnsafeBufferPointer { input in
            stream.take(input)
            while true {
                let result = output.append(atMost: Self.pieceBytes, from: stream) { deflate(stream, flush) }
                // Z_BUF_ERROR: the piece before was full to the brim, and nothing is left.
                guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(result) else { return false }
                if stream.pointee.avail_out > 0 { return true }
            }
        }
        guard isDone else { throw .outOfMemory }
    }
}

/// The bytes as one gzip member.
package func compress(_ bytes: [UInt8]) throws(GzipError) -> [UInt8] {
    var writer = try GzipWriter()
    try writer.write(bytes)
    return try writer.finish()
}
