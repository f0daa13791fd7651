// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
import Synchronization
import TestKit
import Testing
@testable import Store

/// Ends this process as kill -9 does, before SQLite runs a statement outside of a transaction: what is in the file then is
/// what a commit has left.
private enum Death {
    /// Statements still to run.
    private static let left = Atomic(0)

    static func comes(before number: Int) {
        left.store(number, ordering: .relaxed)
        let trace:
            @convention(c) (OpaquePointer?, UnsafeMutablePointer<UnsafePointer<CChar>?>?, OpaquePointer?) -> Int32 = {
                database, _, _ in
                sqlite3_trace_v2(
                    database, UInt32(SQLITE_TRACE_STMT),
                    { _, _, statement, _ in
                        let isInTransaction = sqlite3_get_autocommit(sqlite3_db_handle(OpaquePointer(statement))) == 0
                        if !isInTransaction, Death.left.subtract(1, ordering: .relaxed).newValue == 0 { _exit(0) }
                        return 0
                    }, nil)
            }
        // SQLite calls it with these arguments, whatever its type says.
        sqlite3_auto_extension(unsafeBitCast(trace, to: (@convention(c) () -> Void).self))
    }
}

@Suite("A store whose making broke off is made the next time")
struct BrokenOffTests {
    @Test("whatever was committed last")
    func opens() async throws {
        let scratch = try Scratch()
        var number = 1
        while true {
            let path = "\(scratch.directory)/\(number).sqlite"
            await #expect(processExitsWith: .success) { [number = number as Int, path = path as String] in
                Death.comes(before: number)
                _ = try Store(path: path, logger: CapturedLog().logger)
            }
            if StoreMarker.exists(beside: path) { break }
            #expect(throws: Never.self, "after \(number - 1) statements") {
                _ = try Store(path: path, logger: CapturedLog().logger)
            }
            number += 1
        }
        // The mark that the file is ours, and all tables in one transaction.
        #expect(number > 2)
    }
}
