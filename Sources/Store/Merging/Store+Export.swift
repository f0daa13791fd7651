// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting
import SQLite

extension Store {
    /// Leaves the reports of a finished day to another machine: they are not made here from now on, and its counts can be
    /// written to a file, again and again as more are counted.
    ///
    /// It is one transaction against ``begin(_:at:)``: a day is either reported here or exported.
    /// - Parameter host: this machine's name.
    package func handOver(_ day: UTCDay, of host: DomainName, at time: UTCTime) async throws -> CountsHead {
        let result: Result<CountsHead, ExportRefusal> = try await write { db in
            let node = try Self.node(in: db)
            guard day >= node.firstDay else { return .failure(.copied(day, first: node.firstDay)) }
            let isBegun = try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM report_day WHERE day = ?)", arguments: [day.daysSinceEpoch])
            guard isBegun != true else { return .failure(.begun(day)) }
            if case .shared? = try Self.whereReported(day, in: db) { return .failure(.shared(day)) }
            let last = try Int64.fetchOne(
                db, sql: "SELECT number FROM exported_day WHERE day = ?", arguments: [day.daysSinceEpoch])
            // By the clock, so that a store that was put back from a backup goes on above what it had exported.
            let number = max(time.secondsSinceEpoch, (last ?? 0) + 1)
            try db.execute(
                sql: "INSERT OR REPLACE INTO exported_day (day, number) VALUES (?, ?)",
                arguments: [day.daysSinceEpoch, number])
            return .success(
                CountsHead(day: day, node: node.id, machine: node.machine, host: host, number: number))
        }
        return try result.get()
    }

    /// Reports the day here after all.
    /// - Returns: false if it was not exported.
    package func takeBack(_ day: UTCDay) async throws(StoreError) -> Bool {
        try await write { db in
            try db.execute(sql: "DELETE FROM exported_day WHERE day = ?", arguments: [day.daysSinceEpoch])
            return db.changesCount > 0
        }
    }

    /// Whether the work on a day's reports has begun here.
    package func hasBegun(_ day: UTCDay) async throws(StoreError) -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM report_day WHERE day = ?)", arguments: [day.daysSinceEpoch])
                ?? false
        }
    }
}

extension Store {
    /// Whether the counts of these hosts are there of a day, or need not be waited for.
    /// - Parameters:
    ///   - end: up to when they are waited for.
    ///   - time: now.
    package func readiness(
        of day: UTCDay, importing hosts: [DomainName], until end: UTCTime, at time: UTCTime
    ) async throws(StoreError) -> DayReadiness {
        let missing = try await missing(hosts, on: day).map(\.ascii)
        guard !missing.isEmpty, try await !hasBegun(day) else { return .complete }
        return time < end ? .waiting(missing, until: end) : .overdue(missing)
    }

    /// The hosts whose counts of a day were not imported yet.
    package func missing(_ hosts: [DomainName], on day: UTCDay) async throws(StoreError) -> [DomainName] {
        guard !hosts.isEmpty else { return [] }
        let here = try await read { db in
            try String.fetchAll(
                db, sql: "SELECT host FROM imported_day WHERE day = ? AND is_complete = 1",
                arguments: [day.daysSinceEpoch])
        }
        let names = Set(here)
        return hosts.filter { !names.contains($0.ascii) }
    }
}
