// SPDX-License-Identifier: Apache-2.0
import Basics

/// The first octets of a log, which tell it from one that was put into its place under the same inode.
///
/// They hold time stamps and queue identifiers, so that no two logs begin alike.
struct LogFileHead: Sendable, Hashable, Codable {
    /// Octets compared: some lines.
    static let maxOctets = 1024

    let count: Int
    /// An ``FNV1a`` sum.
    private let hash: UInt64

    init(_ octets: some Sequence<UInt8>) {
        var hash = FNV1a()
        var count = 0
        for octet in octets.prefix(Self.maxOctets) {
            hash.add(octet)
            count += 1
        }
        self.count = count
        self.hash = hash.value
    }
}
