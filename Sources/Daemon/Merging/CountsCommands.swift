// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Gzip
import Reporting
import Settings
import Store

/// What `report export` and `report import` do, on the store's file beside a daemon that may be running.
package struct CountsCommands: Sendable {
    /// Days that an export has unless one is named: a machine that was down, or whose file got lost, is caught up with.
    package static let usualDays: Int64 = 7
    /// Group reads: the file holds with whom the site exchanges mail.
    private static let fileMode: mode_t = 0o640

    /// What was written of a day.
    package struct Exported: Sendable, Hashable {
        package let day: UTCDay
        package var lines = 0
        package var sessions = 0
    }

    private let settings: ReportSettings
    private let store: Store
    private let clock = SystemClock()

    package init(_ workspace: Workspace) throws {
        settings = workspace.settings.reports
        store = try workspace.openStore()
    }

    /// Takes the store for this machine's.
    /// - Parameter isCopy: whether the machine that it comes from goes on with its own.
    package func adopt(isCopy: Bool) async throws {
        try await store.adopt(from: isCopy ? clock.now.day.advanced(by: 1) : nil)
    }

    /// Has a day reported here after all.
    /// - Returns: false if it was not exported.
    package func takeBack(_ day: UTCDay) async throws -> Bool { try await store.takeBack(day) }

    /// Writes the counts of finished days.
    /// - Parameters:
    ///   - day: nil for the last ``usualDays`` days, of which those that are reported here are left out.
    ///   - path: `-` for standard output.
    ///   - tell: gets each day, and why it is left out.
    package func export(
        _ day: UTCDay?, to path: String, tell: (Exported) -> Void, leaveOut: (String) -> Void
    ) async throws {
        let today = clock.now.day
        if let day, day >= today { throw ReportCommandError.dayNotOver(day) }
        guard try await !store.node().isElsewhere else { throw ExportRefusal.otherMachine }
        var writer = try GzipWriter()
        var exported: [Exported] = []
        for one in day.map({ [$0] }) ?? (1...Self.usualDays).reversed().map({ today.advanced(by: -$0) }) {
            do {
                exported.append(try await write(one, to: &writer))
            } catch let refusal as ExportRefusal where day == nil {
                leaveOut("\(refusal)")
            }
        }
        guard !exported.isEmpty else { throw ReportCommandError.obstacle("there is no day to export") }
        try put(try writer.finish(), at: path)
        exported.forEach(tell)
    }

    private func write(_ day: UTCDay, to writer: inout GzipWriter) async throws -> Exported {
        let host = try DomainName(settings.reporting.source)
        let head = try await store.handOver(day, of: host, at: clock.now)
        try writer.write(CountsEntry.head(head).octets + [0x0A])
        var exported = Exported(day: day)
        for try await results in store.results(of: day, ownOnly: true) {
            for result in results.policies {
                let line = CountsEntry.line(CountsLine(domain: results.domain, result: result))
                try writer.write(try line.octets + [0x0A])
                exported.lines += 1
                exported.sessions += result.tally.sessions
            }
        }
        try writer.write(CountsEntry.end(lines: exported.lines).octets + [0x0A])
        return exported
    }

    /// Whole or not at all: what was half written is never at the path.
    private func put(_ octets: [UInt8], at path: String) throws {
        do {
            guard path != "-" else { return try RegularFile.write(octets, to: STDOUT_FILENO) }
            try RegularFile.replace(path, with: octets, mode: Self.fileMode)
        } catch { throw ReportCommandError.output(path, cause: "\(error)") }
    }

    /// Whether it was the store that failed, and not what was to be taken.
    package static func mayBeTriedAgain(_ error: any Error) -> Bool { error is StoreError }

    /// Takes a file, all of it or nothing.
    /// - Parameter source: reads its octets, as read(2) does.
    package func take(_ source: @escaping CountsReader.Source) async throws -> [ImportedCounts] {
        let reader = CountsReader(source)
        var work = try await CountsImport(store, at: clock.now)
        do {
            var line = 0
            while let (entry, octets) = try reader.next() {
                line += 1
                do { try await work.add(entry, octets, at: clock.now) } catch {
                    switch error {
                    case .store(let error): throw error
                    case .twice(let domain):
                        throw CountsFileError(line: line, "a policy of \(domain) stands there twice, here or before")
                    }
                }
            }
        } catch {
            // What is left is removed later.
            try? await work.abandon()
            throw error
        }
        let oldest = settings.oldestDay(at: clock.now)
        return try await work.finish(since: oldest, at: clock.now)
    }
}

extension ImportedCounts {
    /// What a person is told.
    package var inWords: String {
        "\(head.day) of \(head.host), \(sessions) sessions: " + outcome.inWords(head)
    }
}

extension ImportOutcome {
    fileprivate func inWords(_ head: CountsHead) -> String {
        switch self {
        case .stored: "stored"
        case .replaced: "stored in place of an earlier export"
        case .known: "here already"
        case .empty: "nothing to add"
        case .refused(.reported):
            "refused: the reports of \(head.day) are begun, and a day is reported once; see report.import_from"
        case .refused(.older): "refused: a later export of that day is here already"
        case .refused(.own): "refused: this machine's own counts"
        case .refused(.exported):
            "refused: this machine has exported \(head.day), and makes no reports of it "
                + "(report export --take-back --day \(head.day))"
        case .refused(.shared):
            "refused: the counts of \(head.day) are shared with the fleet, and the file's machine is no part of it: set fleet.postgres there"
        case .refused(.copied(let host)):
            "refused: counts of the same store came from \(host) on another machine: one of the two stores is a copy; "
                + "on that machine: report export --copied"
        case .refused(.notOver): "refused: the day is not over (UTC)"
        case .refused(.past): "refused: the day is older than what is kept (report.retention)"
        }
    }
}
