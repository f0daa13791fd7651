// SPDX-License-Identifier: Apache-2.0
import Basics

/// The TXT record at `_smtp._tls.<policy domain>` that asks for reports. - RFC 8460 §3: Reporting Policy.
package struct TLSRPTRecord: Sendable, Hashable {
    /// Most destinations that are served.
    /// - Deviation: at most ten destinations of a record, and none at an address or a name without a dot.
    package static let maxDestinations = 10
    /// Most URIs named in ``unserved``.
    static let maxUnserved = 10

    /// The URIs we can serve, in the record's order, without repetitions; may be empty.
    package let destinations: [ReportDestination]
    /// The URIs that we do not serve, each with the reason in parentheses; safe to print.
    package let unserved: [String]

    /// What a set of TXT records says about TLSRPT.
    package enum Finding: Sendable, Hashable {
        case record(TLSRPTRecord)
        /// No record of this version: the domain wants no reports.
        case absent
        /// Records of this version that do not give exactly one valid record: as if there were none.
        case invalid(String)
    }

    /// Reads all TXT records of the name, each with its character strings already joined without spaces.
    package static func select(from records: [String]) -> Finding {
        // - RFC 8460 §3: records that do not begin with the version are discarded; exactly one must remain.
        let candidates = records.compactMap(fieldsAfterVersion)
        guard let fields = candidates.first else { return .absent }
        guard candidates.count == 1 else {
            return .invalid("\(candidates.count) TLSRPTv1 records, exactly 1 is allowed")
        }
        // - RFC 8460 §3: unknown fields are ignored; the grammar allows more than one `rua`.
        // - Deviation: broken extensions do not cost a TLSRPT record.
        let uris = fields.filter { $0.hasPrefix("rua=") }.flatMap { field in
            field.dropFirst("rua=".count).split(separator: ",").map(trimmed).filter { !$0.isEmpty }
        }
        guard !uris.isEmpty else { return .invalid("no rua") }
        return .record(TLSRPTRecord(uris))
    }

    private init(_ uris: [Substring]) {
        var destinations: [ReportDestination] = []
        var unserved: [String] = []
        for uri in uris {
            func leave(_ name: some StringProtocol, _ why: Unserved) {
                if unserved.count < Self.maxUnserved { unserved.append("\(printable(name, limit: 100)) (\(why))") }
            }
            let named: [ReportDestination]
            do { named = try ReportDestination.all(in: uri) } catch {
                leave(uri, .refused(error))
                continue
            }
            for destination in named where !destinations.contains(destination) {
                let name = named.count == 1 ? String(uri) : destination.description
                if !destination.isPublic {
                    leave(name, .notPublic)
                } else if destinations.count == Self.maxDestinations {
                    leave(name, .pastTheLimit)
                } else {
                    destinations.append(destination)
                }
            }
        }
        self.destinations = destinations
        self.unserved = unserved
    }

    /// Why a URI of a record is not served.
    private enum Unserved: CustomStringConvertible {
        case refused(ReportDestination.Refusal)
        case notPublic
        case pastTheLimit

        var description: String {
            switch self {
            case .refused(let refusal): refusal.description
            case .notPublic: "a host without a dot, below localhost, or given by its address"
            case .pastTheLimit: "past the first \(TLSRPTRecord.maxDestinations)"
            }
        }
    }

    /// The fields behind `v=TLSRPTv1;`, trimmed; nil if the record is of another kind or version.
    ///
    /// The grammar allows blanks before the first `;`, though the text of the section does not show them.
    private static func fieldsAfterVersion(_ record: String) -> [Substring]? {
        let version = "v=TLSRPTv1"
        guard record.hasPrefix(version) else { return nil }
        let parts = record.dropFirst(version.count).split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count > 1, parts[0].allSatisfy(isBlank) else { return nil }
        return parts.dropFirst().map(trimmed)
    }
}

private func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }

private func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
}
