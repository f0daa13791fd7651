// SPDX-License-Identifier: Apache-2.0

/// Why bytes could not be compressed or decompressed.
package enum GzipError: Error, Sendable, Hashable, CustomStringConvertible {
    case outOfMemory
    case notGzip
    /// The end is missing.
    case truncated
    case corrupt
    /// More would come out than the caller allows; what came out is dropped.
    case tooLong(limitBytes: Int)

    package var description: String {
        switch self {
        case .outOfMemory: "out of memory"
        case .notGzip: "not gzip"
        case .truncated: "gzip data ends too early"
        case .corrupt: "gzip data is damaged"
        case .tooLong(let limitBytes): "longer than \(limitBytes) octets when decompressed"
        }
    }
}
