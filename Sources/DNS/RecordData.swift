// SPDX-License-Identifier: Apache-2.0
import Basics

/// One mail exchanger of a domain. - RFC 1035 §3.3.9: MX RDATA format.
package struct MXRecord: Sendable, Hashable {
    package enum Exchange: Sendable, Hashable {
        case host(DomainName)
        /// `.`: the domain takes no mail. - RFC 7505 §3: MX Resource Records Specifying Null MX.
        case root
        /// A name that no host can have, safe to print.
        case invalid(String)
    }

    package let preference: UInt16
    package let exchange: Exchange

    package init(preference: UInt16, exchange: Exchange) {
        self.preference = preference
        self.exchange = exchange
    }

    /// Reads the data of an MX record; nil if it is malformed.
    package init?(data: [UInt8]) {
        guard data.count >= 3, let labels = labels(of: data[2...]) else { return nil }
        preference = UInt16(data[0]) << 8 | UInt16(data[1])
        exchange = Self.exchange(labels)
    }

    private static func exchange(_ labels: [[UInt8]]) -> Exchange {
        if labels.isEmpty { return .root }
        let text = String(decoding: Array(labels.joined(separator: [UInt8(ascii: ".")])), as: UTF8.self)
        // Only LDH in each label, or a dot or an octet above ASCII inside of one makes another name of it.
        let isPlain = labels.allSatisfy { $0.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: ".") } }
        guard isPlain, let name = try? DomainName(mxHost: text) else { return .invalid(printable(text)) }
        return .host(name)
    }
}

/// The strings of a TXT record joined without anything between; nil if it is malformed.
///
/// - RFC 8461 §3.1: MTA-STS TXT Records.
package func joinedText(data: [UInt8]) -> [UInt8]? {
    guard !data.isEmpty else { return nil }
    var joined: [UInt8] = []
    var rest = data[...]
    while let length = rest.popFirst() {
        guard rest.count >= Int(length) else { return nil }
        joined += rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
    }
    return joined
}

/// The address in an A or AAAA record; nil if it is malformed.
package func address(data: [UInt8], type: RecordType) -> IPAddress? {
    switch type {
    case .a where data.count == 4, .aaaa where data.count == 16: IPAddress(octets: data)
    case .a, .aaaa, .cname, .mx, .txt, .tlsa: nil
    }
}

/// The labels of an uncompressed name that fills `data`; nil if it does not. - RFC 1035 §3.1: Name space definitions.
func labels(of data: ArraySlice<UInt8>) -> [[UInt8]]? {
    guard data.count <= 255 else { return nil }
    var labels: [[UInt8]] = []
    var rest = data
    while let length = rest.popFirst() {
        if length == 0 { return rest.isEmpty ? labels : nil }
        guard length <= DomainName.maxLabelOctets, rest.count >= Int(length) else { return nil }
        labels.append(Array(rest.prefix(Int(length))))
        rest = rest.dropFirst(Int(length))
    }
    return nil
}
