// SPDX-License-Identifier: Apache-2.0

/// A queue id, as MTAs write it: letters and digits. What a person copies from a log or a queue listing may have more
/// around it.
package struct QueueID: Sendable, Hashable {
    /// Longer than those of any MTA.
    private static let maxOctets = 40

    package let text: String

    /// Reads `4cXyz1:`, `A1B2C3*` and `queue_id=A1B2C3`; nil for what is no queue id.
    package init?(_ written: String) {
        var text = written[...]
        if let mark = text.firstRange(of: "queue_id=") { text = text[mark.upperBound...] }
        while let last = text.last, ":*!#;,.".contains(last) { text.removeLast() }
        let isID = text.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: false
            }
        }
        guard isID, (1...Self.maxOctets).contains(text.utf8.count), text != "NOQUEUE" else { return nil }
        self.text = String(text)
    }
}
