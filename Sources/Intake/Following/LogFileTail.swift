// SPDX-License-Identifier: Apache-2.0

/// The place where a log is read, which goes along when the log is rotated.
///
/// By rename: the old file is read to its end, then those rotated after it, then the one that has the name. By
/// copytruncate: what was not read yet is looked for in the copy. Only lines that are gone or compressed by then are
/// lost; so are those that come between copying and cutting, for everybody.
struct LogFileTail {
    enum Step: Sendable, Hashable {
        /// There may be more.
        case read
        /// Nothing new now.
        case end
        /// The next file, or the copy of a log that was cut.
        case moved
        /// The file that was read is gone; reading begins with the first line of what is there now.
        case lost
    }

    /// Where reading goes on: what was given lies before it.
    private(set) var mark: LogFileMark
    private let path: String
    private var file: LogFile
    private var buffer: LogLineBuffer
    /// Whether another file has taken the place: a last look at this one is due.
    private var isLeaving = false

    /// Finds the mark's file again, or opens the log at its start; without a mark, at its end or start.
    init(path: String, mark: LogFileMark?, beginsAtEnd: Bool) throws(LogFileError) {
        self.path = path
        (file, self.mark) = try Self.open(path, mark, beginsAtEnd)
        buffer = LogLineBuffer(isInsideLongLine: self.mark.isInsideLine)
    }

    private static func open(
        _ path: String, _ mark: LogFileMark?, _ beginsAtEnd: Bool
    ) throws(LogFileError) -> (LogFile, LogFileMark) {
        let current = Result { () throws(LogFileError) in try LogFile(path) }
        guard let mark, !mark.isNowhere else {
            let file = try current.get()
            return (file, mark == nil && beginsAtEnd ? try file.end() : try file.start())
        }
        if case .success(let file) = current, file.inode == mark.inode, file.device == mark.device, file.continues(mark)
        {
            return (file, mark)
        }
        if let file = LogFileSiblings(of: path).file(of: mark) { return (file, mark.moved(to: file)) }
        let file = try current.get()
        return (file, try file.start())
    }

    /// Reads some more, at most ``LogLineBuffer/maxLineOctets``. After an error the same can be tried again.
    mutating func step(_ give: (UnsafeRawBufferPointer) -> Void) throws(LogFileError) -> Step {
        switch try file.read(into: &buffer, from: &mark) {
        case .replaced: return try findAgain()
        case .read(0): return try goOn(give)
        case .read:
            mark.offset += Int64(buffer.takeLines(give))
            mark.isInsideLine = buffer.isInsideLongLine
            return .read
        }
    }

    private mutating func findAgain() throws(LogFileError) -> Step {
        if let copy = LogFileSiblings(of: path).file(of: mark) {
            move(to: copy, at: mark.moved(to: copy))
            return .moved
        }
        let current = try LogFile(path)
        move(to: current, at: try current.start())
        return .lost
    }

    /// At the end of the file: to the next one, if there is one.
    ///
    /// The writer may keep writing to the old file until it is signalled. The new one must have something in it, and
    /// the old one is looked at once more after a pause.
    private mutating func goOn(_ give: (UnsafeRawBufferPointer) -> Void) throws(LogFileError) -> Step {
        guard let next = try next() else {
            isLeaving = false
            return .end
        }
        guard isLeaving else {
            isLeaving = true
            return .end
        }
        // A line that nobody ends any more.
        _ = buffer.takeRest(give)
        move(to: next.file, at: next.start)
        return .moved
    }

    /// The file to go on with, and its start; nil while there is none that has something in it.
    private func next() throws(LogFileError) -> (file: LogFile, start: LogFileMark)? {
        let current: LogFile?
        do throws(LogFileError) { current = try LogFile(path) } catch {
            guard error == .missing else { throw error }
            current = nil
        }
        if let current, current.isSameFile(as: file) { return nil }
        guard let next = LogFileSiblings(of: path).successor(of: file, before: current) ?? current else { return nil }
        let start = try next.start()
        return start.head.count > 0 ? (next, start) : nil
    }

    private mutating func move(to file: LogFile, at mark: LogFileMark) {
        self.file = file
        self.mark = mark
        buffer = LogLineBuffer(isInsideLongLine: mark.isInsideLine)
        isLeaving = false
    }
}

extension LogFileMark {
    /// The same place in a file that begins alike.
    fileprivate func moved(to file: LogFile) -> LogFileMark {
        LogFileMark(
            device: file.device, inode: file.inode, offset: offset, head: head, isInsideLine: isInsideLine)
    }
}
