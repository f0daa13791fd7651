// SPDX-License-Identifier: Apache-2.0
import Glibc

/// An IPv4 or IPv6 address.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    package let isIPv6: Bool
    // Not one UInt128: Swift 6.3 loses its way in async functions that hold such a value across a wait.
    private let upper, lower: UInt64

    private init(_ number: UInt128, isIPv6: Bool) {
        self.isIPv6 = isIPv6
        upper = UInt64(truncatingIfNeeded: number >> 64)
        lower = UInt64(truncatingIfNeeded: number)
    }

    private init(v4 number: UInt32) { self.init(UInt128(number), isIPv6: false) }

    /// The address as a number of 32 or 128 bits.
    fileprivate var number: UInt128 { UInt128(upper) << 64 | UInt128(lower) }

    /// Reads the plain text form, without brackets or zone.
    package init?(_ text: some StringProtocol) { self.init(String(text)) }

    package init?(_ text: String) {
        if let usual = Self.dotted(text.utf8.span) {
            self.init(v4: usual)
            return
        }
        // What follows a zero inet_pton would not see.
        guard text.withCString(strlen) == text.utf8.count else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        self.init(octets: withUnsafeBytes(of: v6) { Array($0) })
    }

    /// What inet_pton reads as IPv4, without the way there: readers of logs come here for each session.
    private static func dotted(_ text: Span<UInt8>) -> UInt32? {
        guard text.count <= 15 else { return nil }
        var address: UInt32 = 0
        var part: UInt32 = 0
        var (digits, parts) = (0, 1)
        for index in text.indices {
            let octet = text[index]
            if octet &- 0x30 < 10 {
                // No zero in front.
                guard digits == 0 || part > 0 else { return nil }
                part = part * 10 + UInt32(octet &- 0x30)
                digits += 1
                guard part <= 255 else { return nil }
            } else {
                guard octet == UInt8(ascii: "."), digits > 0, parts < 4 else { return nil }
                address = address << 8 | part
                (part, digits) = (0, 0)
                parts += 1
            }
        }
        guard parts == 4, digits > 0 else { return nil }
        return address << 8 | part
    }

    /// Takes the octets of an A or AAAA record.
    package init?(octets: [UInt8]) {
        guard octets.count == 4 || octets.count == 16 else { return nil }
        self.init(octets.reduce(0) { $0 << 8 | UInt128($1) }, isIPv6: octets.count == 16)
    }

    /// Four octets for IPv4, sixteen for IPv6, in network order.
    package var octets: [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0.suffix(width / 8)) }
    }

    /// Of the address, in bits.
    fileprivate var width: Int { isIPv6 ? 128 : 32 }

    /// Reads what stands between the brackets of an address literal. - RFC 5321 §4.1.3: Address Literals.
    package init?(literal text: some StringProtocol) {
        let tag = "ipv6:"
        if text.count > tag.count, text.prefix(tag.count).lowercased() == tag {
            self.init(text.dropFirst(tag.count))
            guard isIPv6 else { return nil }
        } else {
            self.init(text)
        }
    }

    /// - RFC 5952 §4: A Recommendation for IPv6 Text Representation.
    package var description: String {
        guard isIPv6 else { return dotted }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, octets, &text, socklen_t(text.count)) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// What inet_ntop writes of IPv4, without the way there: each failure that a datagram tells of has two of them.
    private var dotted: String {
        String(unsafeUninitializedCapacity: 15) { buffer in
            var end = 0
            func put(_ octet: UInt8) {
                buffer[end] = octet
                end += 1
            }
            for shift in [24, 16, 8, 0] {
                let part = UInt8(truncatingIfNeeded: number >> shift)
                if end > 0 { put(UInt8(ascii: ".")) }
                if part >= 100 { put(0x30 + part / 100) }
                if part >= 10 { put(0x30 + part / 10 % 10) }
                put(0x30 + part % 10)
            }
            return end
        }
    }

    /// Whether the address can belong to somebody else on the Internet: not loopback, private, link-local,
    /// multicast, documentation or otherwise reserved. - RFC 6890 §2.2: Registries of special-purpose addresses.
    package var isPublic: Bool {
        if let embedded = embeddedIPv4 { return embedded.isPublic }
        let blocks = isIPv6 ? Self.reservedIPv6 : Self.reservedIPv4
        return !blocks.contains { $0.contains(self) }
    }

    /// Whether it is this machine, whatever its network: 127.0.0.0/8 or ::1.
    package var isLoopback: Bool {
        isIPv6 ? number == 1 : number >> 24 == 127
    }

    /// The IPv4 address that an IPv4-mapped, NAT64 or 6to4 address leads to.
    private var embeddedIPv4: IPAddress? {
        guard isIPv6 else { return nil }
        let mapped: UInt128 = 0xFFFF
        let nat64: UInt128 = 0x0064_FF9B_0000_0000_0000_0000
        if number >> 32 == mapped || number >> 32 == nat64 { return IPAddress(v4: UInt32(truncatingIfNeeded: number)) }
        if number >> 112 == 0x2002 { return IPAddress(v4: UInt32(truncatingIfNeeded: number >> 80)) }
        return nil
    }

    private static let reservedIPv4: [IPNetwork] = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    ].compactMap { IPNetwork($0) }

    private static let reservedIPv6: [IPNetwork] = [
        "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    ].compactMap { IPNetwork($0) }
}

/// A range of addresses, written `192.0.2.0/24`; a lone address is a range of one.
package struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    package let base: IPAddress
    package let prefixLength: Int

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let base = IPAddress(parts[0]) else { return nil }
        let length = parts.count == 2 ? Int(parts[1]) : base.width
        guard let length, (0...base.width).contains(length) else { return nil }
        self.base = base
        prefixLength = length
    }

    package var description: String { "\(base)/\(prefixLength)" }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.isIPv6 == base.isIPv6 else { return false }
        return (address.number ^ base.number) >> (base.width - prefixLength) == 0
    }
}
