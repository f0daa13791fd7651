// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import SQLite
import TLSRPT

extension Store: OwnReportDestinations {
    package func newestReport() async throws(StoreError) -> Int64 {
        try await read { db in try Int64.fetchOne(db, sql: "SELECT coalesce(max(id), 0) FROM report") ?? 0 }
    }

    package func mailAddresses(since day: UTCDay) async throws(StoreError) -> Set<String> {
        try await read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT DISTINCT d.destination FROM report r JOIN delivery d ON d.report = r.id
                    WHERE r.day >= ? AND d.destination GLOB 'mailto:*'
                    """,
                arguments: [day.daysSinceEpoch])
            var addresses: Set<String> = []
            while let row = try rows.next() {
                let uri: String = row[0]
                if case .mail(let mailbox)? = try? ReportDestination(uri) { addresses.insert(mailbox.description) }
            }
            return addresses
        }
    }
}
