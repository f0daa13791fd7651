// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A log file open for reading, whatever its name is by now.
final class LogFile {
    enum Reading {
        /// Octets read; 0 at the end.
        case read(Int)
        /// What was read is not the file that the mark knows: it was cut or written anew.
        case replaced
    }

    let device: UInt64
    let inode: UInt64
    private let descriptor: Int32

    /// - Parameter followsLinks: false for a name that was found in a directory rather than set.
    init(_ path: String, followsLinks: Bool = true) throws(LogFileError) {
        // Opening a FIFO must not wait for who writes to it.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLinks ? 0 : O_NOFOLLOW)
        descriptor = open(path, flags)
        guard descriptor >= 0 else { throw LogFileError(code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw LogFileError(code: code)
        }
        if let error = LogFileError(mode: status.st_mode) {
            close(descriptor)
            throw error
        }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    deinit { close(descriptor) }

    var size: Int64 { status.map { Int64($0.st_size) } ?? 0 }

    /// When it was last written to, in nanoseconds since 1970.
    var modified: Int64 {
        guard let time = status?.st_mtim else { return 0 }
        let (nanoseconds, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : nanoseconds.addingReportingOverflow(Int64(time.tv_nsec)).partialValue
    }

    func isSameFile(as other: LogFile) -> Bool { device == other.device && inode == other.inode }

    /// A mark at the start of the file.
    ///
    /// It has the head already: were the file cut before anything was read of it, its copy could not be found.
    func start() throws(LogFileError) -> LogFileMark {
        let head = LogFileHead(try octets(at: 0, limit: Int64(LogFileHead.maxOctets)))
        return LogFileMark(device: device, inode: inode, offset: 0, head: head, isInsideLine: false)
    }

    /// A mark at the end; inside a line if the last one has no end yet.
    func end() throws(LogFileError) -> LogFileMark {
        var mark = try start()
        let size = size
        guard size > 0 else { return mark }
        mark.offset = size
        mark.isInsideLine = try octets(at: size - 1, limit: 1) != [UInt8(ascii: "\n")]
        return mark
    }

    /// Whether the file begins as the mark says and reaches as far.
    func continues(_ mark: LogFileMark) -> Bool {
        guard (0...size).contains(mark.offset), (0...LogFileHead.maxOctets).contains(mark.head.count),
            let octets = try? octets(at: 0, limit: Int64(mark.head.count))
        else { return false }
        return LogFileHead(octets) == mark.head
    }

    /// Reads into `buffer` what follows the mark, of which `buffer` may hold a part already.
    ///
    /// The head is compared after the reading: were it compared before, the file could be written anew in between.
    func read(into buffer: inout LogLineBuffer, from mark: inout LogFileMark) throws(LogFileError) -> Reading {
        let (start, overflow) = mark.offset.addingReportingOverflow(Int64(buffer.heldOctets))
        guard !overflow else { return .replaced }
        let count = buffer.fill { read(into: $0, at: start) }
        guard count >= 0 else { throw LogFileError(code: errno) }
        let first = try octets(at: 0, limit: Int64(LogFileHead.maxOctets))
        guard size >= start, LogFileHead(first.prefix(mark.head.count)) == mark.head else { return .replaced }
        let known = min(start + Int64(count), Int64(LogFileHead.maxOctets))
        if known > mark.head.count { mark.head = LogFileHead(first.prefix(Int(known))) }
        return .read(count)
    }

    private var status: stat? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status : nil
    }

    private func octets(at offset: Int64, limit: Int64) throws(LogFileError) -> [UInt8] {
        guard limit > 0 else { return [] }
        var octets = [UInt8](repeating: 0, count: Int(limit))
        let count = octets.withUnsafeMutableBytes { read(into: $0, at: offset) }
        guard count >= 0 else { throw LogFileError(code: errno) }
        return Array(octets.prefix(count))
    }

    /// As pread(2), but goes on when a signal comes in between.
    private func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
        var count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        while count < 0, errno == EINTR { count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
        return count
    }
}
