// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc
import Intake
import Logging
import MailLog
import Store
import TLSRPT

// intake-victim LOG STORE OCTETS: follows a log of Postfix from its first line until it is killed, as the daemon would,
// but commits after so many octets, so that kills hit more commits.

/// The fixtures' time stamps lack the year: the same for each life.
struct FixedClock: WallClock {
    let now = UTCTime(secondsSinceEpoch: 1_795_500_000)
}

/// Each session as a policy-less count with all that was seen of it, so that no two kinds are summed.
struct SeenCounter: SessionCounter {
    func counts(of sessions: [ObservedSession]) async -> [SessionCount] {
        sessions.compactMap { session in
            guard let domain = session.domain else { return nil }
            var details: [FailureDetails] = []
            if case .failed(let type, let reason) = session.result {
                details = [
                    FailureDetails(
                        type, receivingMXHostname: session.host?.ascii, receivingIP: session.address?.description,
                        reasonCode: reason)
                ]
            }
            return SessionCount(
                day: session.time.day, domain: domain, policy: .sts(domain, nil), isFailure: !details.isEmpty,
                details: details)
        }
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let octets = Int(arguments[3]) else { exit(64) }
let logger = Logger(label: "intake-victim") { StreamLogHandler.standardError(label: $0) }
let store = try Store(path: arguments[2], logger: logger)
let ledger = Ledger(store: store, clock: FixedClock(), logger: logger)
var pace = IntakePace()
pace.poll = .milliseconds(5)
pace.interval = .milliseconds(200)
pace.maxOctets = octets
let ports = IntakePorts(counter: SeenCounter(), ledger: ledger, clock: FixedClock())
let follower = LogFollower<PostfixLogReader>(
    .postfixLog, path: arguments[1], beginsAtEnd: false, pace: pace, ports: ports, logger: logger)
await follower.run()
