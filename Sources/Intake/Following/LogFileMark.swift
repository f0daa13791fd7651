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
