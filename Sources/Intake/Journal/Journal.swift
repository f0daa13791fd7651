// SPDX-License-Identifier: Apache-2.0
import CSystemd
import Glibc

/// The journal of systemd, read by its own library. One thread must do all with it, from opening to closing.
final class Journal {
    /// What one reading gives.
    struct Batch: Sendable {
        /// In the form of a log file.
        var lines: [UInt8] = []
        /// Behind the last entry; nil if there was none.
        var mark: JournalMark?
    }

    /// Octets of lines after which a reading ends.
    static let batchOctets = 65_536
    /// Entries after which a reading ends, should they have no lines.
    static let batchEntries = 1000
    /// syslog's number of the facility `mail`. The names of the programs cannot be asked for: they vary.
    private static let match = "SYSLOG_FACILITY=2"

    private let handle: OpaquePointer
    /// Whether the entry at which the library stands was not read yet.
    private var standsBefore = false

    /// - Parameter directory: where the files are; nil for the system's own.
    init(directory: String?) throws(JournalError) {
        var opened: OpaquePointer?
        if let directory {
            try JournalError.check(sd_journal_open_directory(&opened, directory, 0), "sd_journal_open_directory")
        } else {
            let flags = Int32(SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM)
            try JournalError.check(sd_journal_open(&opened, flags), "sd_journal_open")
        }
        guard let opened else { throw .nothingToRead }
        handle = opened
        if directory == nil, sd_journal_has_persistent_files(handle) == 0, sd_journal_has_runtime_files(handle) == 0 {
            throw .nothingToRead
        }
        try JournalError.check(sd_journal_add_match(handle, Self.match, 0), "sd_journal_add_match")
    }

    deinit { sd_journal_close(handle) }

    /// Goes behind the mark's entry or, if that is gone, before the first that is newer.
    /// - Parameter mark: nil for the end of what there is.
    /// - Returns: the mark of the place.
    func seek(_ mark: JournalMark?) throws(JournalError) -> JournalMark {
        standsBefore = false
        guard let mark else {
            try JournalError.check(sd_journal_seek_tail(handle), "sd_journal_seek_tail")
            // Only from an entry does the library go on with what comes later.
            if try JournalError.check(sd_journal_previous(handle), "sd_journal_previous") > 0 { return try self.mark() }
            return try seek(JournalMark(cursor: nil))
        }
        guard let cursor = mark.cursor else {
            try JournalError.check(sd_journal_seek_head(handle), "sd_journal_seek_head")
            return mark
        }
        try JournalError.check(sd_journal_seek_cursor(handle, cursor), "sd_journal_seek_cursor")
        if try JournalError.check(sd_journal_next(handle), "sd_journal_next") > 0 {
            standsBefore = sd_journal_test_cursor(handle, cursor) <= 0
        }
        return mark
    }

    /// Reads the next entries; if there are none, waits for some as long as `time`.
    func read(waiting time: Duration) throws(JournalError) -> Batch {
        var batch = Batch()
        var entries = 0
        while entries < Self.batchEntries, batch.lines.count < Self.batchOctets, try advance() {
            entries += 1
            entry()?.append(to: &batch.lines)
        }
        if entries > 0 {
            batch.mark = try mark()
        } else {
            let micros = UInt64(time.components.seconds) * 1_000_000
            try JournalError.check(sd_journal_wait(handle, micros), "sd_journal_wait")
        }
        return batch
    }

    private func advance() throws(JournalError) -> Bool {
        if standsBefore {
            standsBefore = false
            return true
        }
        return try JournalError.check(sd_journal_next(handle), "sd_journal_next") > 0
    }

    private func mark() throws(JournalError) -> JournalMark {
        var cursor: UnsafeMutablePointer<CChar>?
        try JournalError.check(sd_journal_get_cursor(handle, &cursor), "sd_journal_get_cursor")
        defer { free(cursor) }
        return JournalMark(cursor: cursor.map { String(cString: $0) })
    }

    /// The entry; nil if it is damaged or lacks what a line of syslog has.
    private func entry() -> JournalEntry? {
        var time: UInt64 = 0
        guard sd_journal_get_realtime_usec(handle, &time) >= 0, let message = field("MESSAGE"),
            let identifier = field("SYSLOG_IDENTIFIER")
        else { return nil }
        return JournalEntry(
            time: time, host: field("_HOSTNAME") ?? [], identifier: identifier,
            process: field("SYSLOG_PID") ?? field("_PID") ?? [], message: message)
    }

    /// What the field holds; the library has it as `NAME=value`, up to 64 KiB of it.
    private func field(_ name: String) -> [UInt8]? {
        var data: UnsafeRawPointer?
        var count = 0
        guard sd_journal_get_data(handle, name, &data, &count) >= 0, let data else { return nil }
        return Array(UnsafeRawBufferPointer(start: data, count: count).dropFirst(name.utf8.count + 1))
    }
}

/// A place in the journal: behind the entry that the cursor names, or before all if there is none.
struct JournalMark: Sendable, Hashable, Codable {
    let cursor: String?
}
