// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// A policy as one block of memory: what is not looked at need not be parsed.
package struct PackedPolicy: Sendable, Hashable {
    /// Fetched at and expires at (8 octets each, big-endian), mode (1 octet), length of the id (1 octet), id, lines.
    private let bytes: [UInt8]

    private static let modeOffset = 16
    private static let idLengthOffset = 17
    private static let idOffset = 18

    package init(_ policy: CachedPolicy) {
        self.init(life: policy.life, id: policy.id.utf8, body: policy.policy.text.utf8)
    }

    /// - Parameter id: what is longer than 255 octets is cut; an id has 32 at most.
    init(life: PolicyLife, id: some Collection<UInt8>, body: some Collection<UInt8>) {
        let idLength = min(id.count, 255)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.idOffset + idLength + body.count)
        for time in [life.fetchedAt, life.expiresAt] {
            withUnsafeBytes(of: time.secondsSinceEpoch.bigEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(life.mode.octet)
        bytes.append(UInt8(idLength))
        bytes.append(contentsOf: id.prefix(idLength))
        bytes.append(contentsOf: body)
        self.bytes = bytes
    }

    package var fetchedAt: UTCTime { time(at: 0) }
    package var expiresAt: UTCTime { time(at: 8) }
    package var life: PolicyLife {
        PolicyLife(mode: Policy.Mode(octet: bytes[Self.modeOffset]), fetchedAt: fetchedAt, expiresAt: expiresAt)
    }

    var modeOctet: UInt8 { bytes[Self.modeOffset] }
    static func mode(_ octet: UInt8) -> Policy.Mode { Policy.Mode(octet: octet) }
    var id: ArraySlice<UInt8> { bytes[Self.idOffset..<bodyOffset] }
    var body: ArraySlice<UInt8> { bytes[bodyOffset...] }
    private var bodyOffset: Int { Self.idOffset + Int(bytes[Self.idLengthOffset]) }

    /// - Parameter read: parses the lines.
    func unpacked(
        for domain: DomainName, by read: (ArraySlice<UInt8>) throws(PolicyError) -> Policy
    ) throws(PolicyError) -> CachedPolicy {
        CachedPolicy(
            domain: domain, id: String(decoding: id, as: UTF8.self), policy: try read(body), fetchedAt: fetchedAt)
    }

    /// Parses the lines.
    package func unpacked(for domain: DomainName) throws(PolicyError) -> CachedPolicy {
        try unpacked(for: domain) { lines throws(PolicyError) in try Policy.read(lines).policy }
    }

    /// What a row's checksum is made of: all that a policy rests on.
    func checksum(of domain: DomainName) -> Int64 {
        var hash = FNV1a()
        hash.add(domain.ascii)
        hash.add(bytes)
        return Int64(bitPattern: hash.value)
    }

    private func time(at offset: Int) -> UTCTime {
        UTCTime(secondsSinceEpoch: bytes[offset..<offset + 8].reduce(0) { $0 << 8 | Int64($1) })
    }
}

extension Policy.Mode {
    fileprivate var octet: UInt8 {
        switch self {
        case .enforce: 0
        case .testing: 1
        case .none: 2
        }
    }

    /// The stricter one in doubt.
    fileprivate init(octet: UInt8) {
        switch octet {
        case 1: self = .testing
        case 2: self = .none
        default: self = .enforce
        }
    }
}
