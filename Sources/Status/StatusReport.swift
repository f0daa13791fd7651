// SPDX-License-Identifier: Apache-2.0

/// What an administrator is told of the running daemon: `status`, `status --json`, the page and its `/status.json` show
/// the same. Every text is safe to print.
package struct StatusReport: Sendable, Hashable, Codable {
    package var version: String
    package var at: Stamp
    package var startedAt: Stamp
    /// Whether the milter answers an MTA now.
    package var isServing: Bool
    /// The setting `enforcement`.
    package var enforcement: String
    /// Nil unless all mail is let go for a time.
    package var pausedUntil: Stamp?
    /// Whether nothing is held to a policy by the settings.
    package var isDryRun = false
    /// Why the last reload took no settings; nil if it took them.
    package var reloadProblem: String?
    /// Keys of the settings whose new value waits for a restart.
    package var waitingForRestart: [String] = []
    /// How long the resolver has answered nothing, and which it is; nil while it answers.
    package var silentResolver: SilentResolver?
    /// One for each thing to look at, in the order of the page.
    package var lights: [Light] = []
    /// Whose mail is held back now, the latest first.
    package var held: [HeldDomain] = []
    /// Further ones that are not named.
    package var heldMore = 0
    package var milter: Listener
    /// Nil where no policy map is served.
    package var policyMap: Listener?
    package var policies = PolicyReport()
    package var intake: [IntakeSource] = []
    package var reports = ReportsReport()
    package var dnssec: DNSSECReport
    package var store: StoreReport
    /// Nil where this machine is a sender of its own.
    package var fleet: FleetReport?
    /// What else applies, a sentence each: pins, preload lists.
    package var notes: [String] = []

    package init(
        version: String, at: Stamp, startedAt: Stamp, isServing: Bool, enforcement: String, milter: Listener,
        policyMap: Listener?, dnssec: DNSSECReport, store: StoreReport
    ) {
        self.version = version
        self.at = at
        self.startedAt = startedAt
        self.isServing = isServing
        self.enforcement = enforcement
        self.milter = milter
        self.policyMap = policyMap
        self.dnssec = dnssec
        self.store = store
    }
}

/// A resolver that answers nothing.
package struct SilentResolver: Sendable, Hashable, Codable {
    /// As the settings have it: `dns.forwarder 127.0.0.1@53`, or the file that names it.
    package let name: String
    package let seconds: Int64

    package init(name: String, seconds: Int64) {
        self.name = name
        self.seconds = seconds
    }
}

/// One thing to look at, and how it is.
package struct Light: Sendable, Hashable, Codable {
    package enum State: String, Sendable, Hashable, Codable {
        case good, warning, bad
    }

    /// Names of all lights there are, whether they are shown or not.
    package static let names = [
        "daemon", "settings", "pause", "deliveries", "MTA", "held mail", "policies", "resolver", "DNSSEC", "intake",
        "store", "reports", "own domains", "fleet",
    ]

    package let name: String
    package let state: State
    /// One sentence; what to do where it is not good.
    package let text: String

    package init(_ name: String, _ state: State, _ text: String) {
        self.name = name
        self.state = state
        self.text = text
    }
}

/// A domain whose mail is held back.
package struct HeldDomain: Sendable, Hashable, Codable {
    package let domain: String
    /// Nil where no single host is to blame.
    package let host: String?
    /// The word of RFC 8460 for the failure; nil where none was seen.
    package let resultType: String?
    /// Why, in words.
    package let reason: String
    package let since: Stamp
    package let lastTry: Stamp
    /// Messages that the milter held back; one that is offered again counts again.
    package let messages: Int
    /// Deliveries that the policy map held back, each try of them.
    package let deliveries: Int
    package let whatToDo: String

    package init(
        domain: String, host: String?, resultType: String?, reason: String, since: Stamp, lastTry: Stamp,
        messages: Int, deliveries: Int, whatToDo: String
    ) {
        self.domain = domain
        self.host = host
        self.resultType = resultType
        self.reason = reason
        self.since = since
        self.lastTry = lastTry
        self.messages = messages
        self.deliveries = deliveries
        self.whatToDo = whatToDo
    }
}

/// A socket on which an MTA asks.
package struct Listener: Sendable, Hashable, Codable {
    package let socket: String
    package let connections: Int
    /// When an MTA last asked; nil if none has since the start.
    package let lastHeard: Stamp?

    package init(socket: String, connections: Int, lastHeard: Stamp?) {
        self.socket = socket
        self.connections = connections
        self.lastHeard = lastHeard
    }
}

/// The policies in memory.
package struct PolicyReport: Sendable, Hashable, Codable {
    /// All, those that have ended among them.
    package var count = 0
    package var enforce = 0
    package var testing = 0
    package var none = 0
    package var ended = 0
    /// The fetch of the live policy that was not fetched for longest.
    package var oldestFetch: Stamp?
    /// Not written to the store yet.
    package var unsaved = 0
    /// In use, in the last quarter of their life, and every fetch fails.
    package var nearExpiry: [PolicyTrouble] = []
    /// In use, and ended since every fetch failed: mail to them is unprotected.
    package var lost: [PolicyTrouble] = []

    package init() {}
}

/// A policy that is about to be lost, or was.
package struct PolicyTrouble: Sendable, Hashable, Codable {
    package let domain: String
    /// When it ends, or when it was found to have ended.
    package let end: Stamp
    /// Fetches that failed one after the other.
    package let failures: Int?
    package let cause: String?

    package init(domain: String, end: Stamp, failures: Int? = nil, cause: String? = nil) {
        self.domain = domain
        self.end = end
        self.failures = failures
        self.cause = cause
    }
}

/// One way by which the MTA tells of its deliveries.
package struct IntakeSource: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case datagrams = "tlsrpt"
        case postfixLog = "postfix-log"
        case sendmailLog = "sendmail-log"
    }

    package let kind: Kind
    /// A path, or `the journal`.
    package let place: String
    /// Sessions found, or datagrams taken, since the start.
    package var sessions = 0
    /// Lines of a log that could be read, since the start, whatever they tell of; none of datagrams.
    package var linesRead = 0
    /// What could not be read, since the start.
    package var unreadable = 0
    /// Such a line, or nothing.
    package var sample = ""
    /// What came and found no room.
    package var lost = 0
    package var lastHeard: Stamp?
    /// For how long the end of the log was not reached; nil before the first look, and for datagrams.
    package var lagSeconds: Int64?
    /// What keeps it from being read, and the cure.
    package var problem: String?

    package init(_ kind: Kind, at place: String) {
        self.kind = kind
        self.place = place
    }
}

/// The reports of the last days.
package struct ReportsReport: Sendable, Hashable, Codable {
    /// Whether the daemon makes and sends them by itself.
    package var isDaily = false
    /// Whether another machine makes them, from the counts that this one exports.
    package var isExported = false
    /// Why none can go out.
    package var obstacle: String?
    /// Deliveries, and domains without a report, by the word for their state.
    package var counts: [String: Int] = [:]
    package var due = 0
    package var nextTry: Stamp?
    /// When the last day was finished.
    package var lastRun: Stamp?
    /// Destinations that are left alone for a time.
    package var suppressed = 0
    /// The latest first.
    package var failures: [ReportFailure] = []

    package init() {}
}

package struct ReportFailure: Sendable, Hashable, Codable {
    package let day: String
    package let domain: String
    package let state: String
    package let destination: String
    package let text: String

    package init(day: String, domain: String, state: String, destination: String, text: String) {
        self.day = day
        self.domain = domain
        self.state = state
        self.destination = destination
        self.text = text
    }
}

package struct DNSSECReport: Sendable, Hashable, Codable {
    package let isValidated: Bool
    package let text: String

    package init(isValidated: Bool, text: String) {
        self.isValidated = isValidated
        self.text = text
    }
}

package struct StoreReport: Sendable, Hashable, Codable {
    package let path: String
    package let octets: Int
    package let lastWrite: Stamp?
    /// Why the last write failed; nil if it did not.
    package let problem: String?
    /// Why it could not be read for this report; nil if it was.
    package let readProblem: String?

    package init(path: String, octets: Int, lastWrite: Stamp?, problem: String?, readProblem: String? = nil) {
        self.path = path
        self.octets = octets
        self.lastWrite = lastWrite
        self.problem = problem
        self.readProblem = readProblem
    }
}

/// How this machine fares in its fleet.
package struct FleetReport: Sendable, Hashable, Codable {
    /// Whether the database answers, as far as that was tried.
    package var isWorking = true
    /// What keeps it from being used, and since when.
    package var problem: String?
    package var since: Stamp?
    /// Counts that wait to be sent.
    package var batchesWaiting = 0
    /// The oldest day of them.
    package var oldestWaiting: String?
    /// By how many seconds this machine's clock is ahead of the database's; negative if it is behind, nil if that is little.
    package var clockAheadSeconds: Int64?

    package init() {}
}
