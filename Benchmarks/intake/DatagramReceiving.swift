// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Intake
import Logging
import Store

/// The intake of datagrams as the daemon has it: bench-intake receive SOCKET DATABASE, until SIGTERM.
enum DatagramReceiving {
    struct Clock: WallClock {
        var now: UTCTime { UTCTime(secondsSinceEpoch: Int64(time(nil))) }
    }

    static func run(socket: String, database: String) async throws {
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let store = try Store(path: database, logger: logger)
        let ledger = Ledger(store: store, clock: Clock(), logger: logger)
        let receiver = try DatagramReceiver(DatagramSettings(path: socket), clock: Clock(), logger: logger)
        let writing = Task { await ledger.run() }
        let reading = Task {
            await DatagramIntake(receiver).run(keepUp: ledger.keepUp) { datagram, day, times in
                ledger.record(datagram.sessionCounts(day: day), times: times)
            }
        }
        await terminated()
        reading.cancel()
        await reading.value
        writing.cancel()
        await writing.value
        await ledger.flush()
        // Counting the rows is no part of the work.
        let written = Date().timeIntervalSince1970
        print("received \(try await counted(in: store)) written \(written)")
        try store.close()
    }

    private static func terminated() async {
        signal(SIGTERM, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGTERM)
        await withCheckedContinuation { continuation in
            source.setEventHandler {
                source.cancel()
                continuation.resume()
            }
            source.resume()
        }
    }

    /// Sessions in the database.
    private static func counted(in store: Store) async throws -> Int {
        var sessions = 0
        for day in try await store.days() {
            for try await domain in store.results(of: day) {
                sessions += domain.policies.reduce(0) { $0 + $1.tally.successes + $1.tally.failures }
            }
        }
        return sessions
    }
}
