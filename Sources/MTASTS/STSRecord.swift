// SPDX-License-Identifier: Apache-2.0

/// The TXT record at `_mta-sts.<policy domain>` that announces a policy. - RFC 8461 §3.1: MTA-STS TXT Records.
package struct STSRecord: Sendable, Hashable {
    /// Longest policy id, in characters.
    package static let maxIDLength = 32

    /// The id of the published policy instance: 1 to 32 letters and digits. Ids have no order.
    package let id: String

    /// What a set of TXT records says about MTA-STS.
    package enum Finding: Sendable, Hashable {
        case record(STSRecord)
        /// No record of this version: the domain does not announce a policy.
        case absent
        /// Records of this version that do not give exactly one valid record: no policy available (a cached one stays).
        case invalid(String)
    }

    /// Reads all TXT records of the name, each with its character strings already joined without spaces.
    package static func select(from records: [String]) -> Finding {
        // - RFC 8461 §3.1: records that do not begin with the version are discarded; exactly one must remain.
        let candidates = records.compactMap(fieldsAfterVersion)
        guard let fields = candidates.first else { return .absent }
        guard candidates.count == 1 else { return .invalid("\(candidates.count) STSv1 records, exactly 1 is allowed") }
        // - RFC 8461 §3.2: of a duplicated field all entries but the first are ignored.
        guard let idField = fields.first(where: { $0.hasPrefix("id=") }) else { return .invalid("no id") }
        let id = idField.dropFirst("id=".count)
        guard isID(id) else {
            return .invalid("id is not 1 to \(maxIDLength) letters and digits")
        }
        return .record(STSRecord(id: String(id)))
    }

    /// Whether the text is one that a record can have.
    package static func isID(_ text: some StringProtocol) -> Bool {
        (1...maxIDLength).contains(text.utf8.count) && text.utf8.allSatisfy(isAlphanumeric)
    }

    /// The fields behind `v=STSv1`, trimmed; nil if the record is of another kind or version.
    ///
    /// - Deviation: a record's fields are read leniently. A sloppy extension must not cost the domain its protection.
    /// - Deviation: a record need not begin with "v=STSv1;". The grammar allows blanks before the semicolon.
    private static func fieldsAfterVersion(_ record: String) -> [Substring]? {
        let version = "v=STSv1"
        guard record.hasPrefix(version) else { return nil }
        let parts = record.dropFirst(version.count).split(separator: ";", omittingEmptySubsequences: false)
        guard let first = parts.first, first.allSatisfy(isSpaceOrTab) else { return nil }
        return parts.dropFirst().map(trimmed)
    }
}

func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}

func isSpaceOrTab(_ character: Character) -> Bool { character == " " || character == "\t" }

func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: isSpaceOrTab)
    while let last = text.last, isSpaceOrTab(last) { text.removeLast() }
    return text
}
