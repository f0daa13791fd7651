// SPDX-License-Identifier: Apache-2.0
import Basics
import CSQLite
import SQLite

/// Why the store cannot be read or written. The caller goes on with what is in memory, or refuses to start.
package struct StoreError: Error, Sendable, Hashable {
    package enum Cause: Sendable, Hashable, CaseIterable {
        /// There is no such file, and it was not to be made.
        case missing
        /// There was a database at this path, and now there is none or an empty one: nothing is known of the policies that
        /// it held.
        case vanished
        case noDirectory
        case notPermitted
        case readOnly
        case notADatabase
        /// An SQLite database of another program.
        case foreign
        case corrupt
        /// Written by a newer version of this program.
        case newerSchema
        /// Another process holds the lock for longer than ``Store/busyTimeout``.
        case busy
        case full
        case other
    }

    package let cause: Cause
    package let path: String
    /// What SQLite or the system said, safe to print.
    package let text: String

    init(_ cause: Cause, path: String, text: String) {
        self.cause = cause
        self.path = path
        self.text = printable(text)
    }

    /// What the operator does about it.
    package var cure: String {
        switch cause {
        case .missing: "start the daemon once, or set store.path to its database"
        case .vanished:
            "put the database or its backup back; or, to begin anew without any policy until it is fetched again: "
                + "rm \(StoreMarker.path(beside: path))"
        case .noDirectory: "make the directory and give it to the daemon's user, or change store.path"
        case .notPermitted:
            "run it as root or as the daemon's user, to whom file and directory must belong: SQLite writes files beside the "
                + "database"
        case .readOnly: "mount the file system writable, or change store.path"
        case .notADatabase, .foreign: "set store.path to a file of its own, or move this one aside"
        case .corrupt:
            "stop the daemon, put a backup in its place; or move the file and its -wal, -shm and .made aside "
                + "(mv \(path) \(path).corrupt) and start again: policies are then fetched anew, counts that were not "
                + "reported are lost"
        case .newerSchema: "run the version that wrote it, or a newer one"
        case .busy: "find the process that holds it: fuser \(path)"
        case .full: "free disk space; policies and counts stay in memory until then"
        case .other: "look at the file system and its log"
        }
    }
}

extension StoreError: CustomStringConvertible {
    package var description: String { "\(path): \(what) (\(text)): \(cure)" }

    private var what: String {
        switch cause {
        case .missing: "no such database"
        case .vanished: "the database that was here is gone or empty"
        case .noDirectory: "its directory does not exist"
        case .notPermitted: "not permitted"
        case .readOnly: "read-only"
        case .notADatabase: "not an SQLite database"
        case .foreign: "a database of another program"
        case .corrupt: "the database is corrupt"
        case .newerSchema: "written by a newer version"
        case .busy: "locked by another process"
        case .full: "no space left"
        case .other: "cannot be used"
        }
    }
}

extension StoreError {
    init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError: self = error
        case let error as DatabaseError:
            self.init(Self.cause(of: error), path: path, text: error.message)
        default: self.init(.other, path: path, text: "\(error)")
        }
    }

    private static func cause(of error: DatabaseError) -> Cause {
        switch error.code {
        case SQLITE_NOTADB: .notADatabase
        case SQLITE_CORRUPT: .corrupt
        case SQLITE_READONLY: .readOnly
        case SQLITE_PERM, SQLITE_AUTH, SQLITE_CANTOPEN: .notPermitted
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_FULL: .full
        default: .other
        }
    }
}
