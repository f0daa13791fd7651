// SPDX-License-Identifier: Apache-2.0

/// A place in a log file, written down so that it is found again after rotation.
struct LogFileMark: Sendable, Hashable, Codable {
    var device: UInt64
    /// 0: no file was seen yet, so that one that comes is new from its first line.
    var inode: UInt64
    /// Where reading goes on: octets before it are done with.
    var offset: Int64
    /// What the file begins with, as far as it was read.
    var head: LogFileHead
    /// Whether `offset` lies in a line that is to be passed over.
    var isInsideLine: Bool

    /// Before the first line of any file.
    static let nowhere = LogFileMark(
        device: 0, inode: 0, offset: 0, head: LogFileHead([]), isInsideLine: false)

    var isNowhere: Bool { inode == 0 }
}

/// The first octets of a log, which tell it from one that was put into its place under the same inode.
///
/// They hold time stamps and queue identifiers, so that no two logs begin alike.
struct LogFileHead: Sendable, Hashable, Codable {
    /// Octets compared: some lines.
    static let maxOctets = 1024

    let count: Int
    /// FNV-1a of 64 bits.
    private let hash: UInt64

    init(_ octets: some Sequence<UInt8>) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var count = 0
        for octet in octets.prefix(Self.maxOctets) {
            hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3
            count += 1
        }
        self.count = count
        self.hash = hash
    }
}
