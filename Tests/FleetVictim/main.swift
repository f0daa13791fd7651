// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Fleet
import Glibc
import Logging
import Store
import TLSRPT

// fleet-victim STORE SERVER count|finish: a machine of a fleet, much faster than a daemon, until it is killed. It counts, makes
// batches and sends them, by a clock that is set again and again; with `finish` it counts nothing more, and ends once all it has
// counted is sent.

let arguments = CommandLine.arguments
guard arguments.count == 4 else { exit(64) }
let logger = Logger(label: "fleet-victim") { StreamLogHandler.standardError(label: $0) }

/// Up to a day ahead or behind, another time each now and then.
final class JumpingClock: WallClock {
    private let state = Locked((ahead: Duration.zero, until: ContinuousClock.now))
    private let isSteady: Bool

    init(isSteady: Bool) { self.isSteady = isSteady }

    var now: UTCTime {
        // Days that it was in once are over for it at the end.
        guard !isSteady else { return SystemClock().now + .seconds(2 * 86_400) }
        let ahead = state.withLock { state in
            if ContinuousClock.now >= state.until {
                state = (.seconds(Int64.random(in: -86_400...86_400)), .now + .milliseconds(Int.random(in: 5...200)))
            }
            return state.ahead
        }
        return SystemClock().now + ahead
    }
}

let clock = JumpingClock(isSteady: arguments[3] == "finish")
let store = try Store(path: arguments[1], logger: logger)
let ledger = Ledger(store: store, clock: clock, logger: logger)
let node = try await store.node().node
let member = FleetMember(node: node.id, machine: node.machine, host: "mx.example", program: "0")
let database = try FleetDatabase(FleetServer(arguments[2]), as: member, clock: clock)
let shipper = CountShipper(store, to: database, as: member, clock: FleetClock(database, else: clock))
let isFinishing = arguments[3] == "finish"

/// Some sessions of some domains, with failures of several kinds.
func sessions() throws -> [SessionCount] {
    try (0..<Int.random(in: 1...20)).map { _ in
        let domain = try DomainName("d\(Int.random(in: 0..<40)).example")
        let day = clock.now.day.advanced(by: -Int64.random(in: 0...1))
        let policy = AppliedPolicy.reported(
            ReportedPolicy(.sts, domain: domain.ascii, strings: ["version: STSv1", "id: \(Int.random(in: 0...1))"]))
        let details =
            Bool.random()
            ? [] : [FailureDetails(.certificateExpired, receivingMXHostname: "mx\(Int.random(in: 0...2)).example")]
        return SessionCount(day: day, domain: domain, policy: policy, isFailure: !details.isEmpty, details: details)
    }
}

await withThrowingTaskGroup(of: Void.self) { group in
    if !isFinishing {
        group.addTask {
            while true {
                try await ledger.commit(try sessions(), mark: IntakeMark(source: "victim", state: []))
                try await Task.sleep(for: .milliseconds(2))
            }
        }
    }
    group.addTask {
        while true {
            do {
                try await store.seal(at: clock.now, isThorough: true)
                try await shipper.ship()
                if isFinishing, try await store.backlog().batches == 0 { exit(0) }
            } catch {
                logger.warning("\(error)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
