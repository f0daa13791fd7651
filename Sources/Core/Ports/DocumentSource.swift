// SPDX-License-Identifier: Apache-2.0

/// Gets documents from the network for a list.
package protocol DocumentSource: Sendable {
    /// The body at an https URL, of at most `limitBytes`.
    func document(at url: String, limitBytes: Int) async throws(DocumentError) -> [UInt8]
}

/// Why a document is unavailable; safe to print.
package struct DocumentError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ text: String) { description = text }
}
