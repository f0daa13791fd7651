// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names

/// A policy as one block of memory: what is not looked at need not be parsed.
package struct PackedPolicy: Sendable, Hashable {
    /// Fetched at and expires at (8 octets each, big-endian), length of the id (1 octet), id, body.
    private let bytes: [UInt8]

    private static let idLengthOffset = 16
    private static let idOffset = 17

    package init(_ policy: CachedPolicy) {
        self.init(
            fetchedAt: policy.fetchedAt, expiresAt: policy.expiresAt, id: policy.id.utf8, body: policy.policy.text.utf8)
    }

    /// - Parameter id: what is longer than 255 octets is cut; an id has 32 at most.
    init(fetchedAt: UTCTime, expiresAt: UTCTime, id: some Collection<UInt8>, body: some Collection<UInt8>) {
        let idLength = min(id.count, 255)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.idOffset + idLength + body.count)
        for time in [fetchedAt, expiresAt] {
            withUnsafeBytes(of: time.secondsSinceEpoch.bigEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(UInt8(idLength))
        bytes.append(contentsOf: id.prefix(idLength))
        bytes.append(contentsOf: body)
        self.bytes = bytes
    }

    package var fetchedAt: UTCTime { time(at: 0) }
    package var expiresAt: UTCTime { time(at: 8) }

    /// Parses the body.
    package func unpacked(for domain: DomainName) throws(PolicyError) -> CachedPolicy {
        let bodyOffset = Self.idOffset + Int(bytes[Self.idLengthOffset])
        let id = String(decoding: bytes[Self.idOffset..<bodyOffset], as: UTF8.self)
        let policy = try Policy.read(bytes[bodyOffset...]).policy
        return CachedPolicy(domain: domain, id: id, policy: policy, fetchedAt: fetchedAt)
    }

    private func time(at offset: Int) -> UTCTime {
        UTCTime(secondsSinceEpoch: bytes[offset..<offset + 8].reduce(0) { $0 << 8 | Int64($1) })
    }
}
