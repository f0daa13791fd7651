// SPDX-License-Identifier: Apache-2.0
import Basics
import Metrics
import Status
import StatusPage

/// A daemon of which all is known.
struct TableSource: StatusSource {
    static let now = Stamp(UTCTime(secondsSinceEpoch: 1_790_000_000))

    var status = StatusReport(
        version: "0.1.0", at: now, startedAt: now, isServing: true, enforcement: "milter",
        milter: Listener(socket: "inet:8890@127.0.0.1", connections: 1, lastHeard: now), policyMap: nil,
        dnssec: DNSSECReport(isValidated: true, text: "DNSSEC is validated"),
        store: StoreReport(path: "/var/lib/x", octets: 1 << 20, lastWrite: now, problem: nil))
    var why: String?
    var list = DomainList(rows: [], hasMore: false)
    var one: DomainReport?
    var rows: [ReportRow] = []
    /// What keeps the store from being read.
    var unreadable: String?
    var own = OwnDomainsReport(at: now, days: 14)

    func report() async -> StatusReport { status }
    func metrics() async -> [MetricFamily] { [.counter("things", "What there is.", 7)] }
    func obstacle() async -> String? { why }
    func domains(holding text: String, after: String) async -> DomainList {
        DomainList(rows: list.rows, hasMore: list.hasMore, problem: unreadable)
    }
    func domain(_ domain: DomainName) async -> DomainReport {
        var report = one ?? DomainReport(domain: domain.ascii, at: Self.now)
        report.problem = unreadable
        return report
    }
    func reportList() async -> ReportList { ReportList(rows: rows, problem: unreadable) }
    func ownDomains() async -> OwnDomainsReport { own }

    /// Whoever publishes policies, greets, or answers reports has put this wherever a text goes.
    static let hostile = "\"'><script>alert(1)</script>&<img src=x onerror=alert(2)>\u{202E}\u{0}"

    /// All there can be, with that text in all of it.
    static func spoilt(_ text: String = hostile) -> TableSource {
        var source = TableSource()
        let trouble = PolicyTrouble(domain: text, end: now, failures: 3, cause: text)
        source.status.version = text
        source.status.lights = [Light(text, .bad, text), Light(text, .warning, text), Light(text, .good, text)]
        source.status.held = [
            HeldDomain(
                domain: text, host: text, resultType: text, reason: text, since: now, lastTry: now, messages: 1,
                deliveries: 2, whatToDo: text)
        ]
        source.status.heldMore = 1
        source.status.policyMap = Listener(socket: text, connections: 1, lastHeard: nil)
        source.status.policies.nearExpiry = [trouble]
        source.status.policies.lost = [trouble]
        source.status.policies.oldestFetch = now
        source.status.policies.unsaved = 1
        var log = IntakeSource(.postfixLog, at: text)
        log.problem = text
        source.status.intake = [log]
        source.status.notes = [text]
        source.status.reports.obstacle = text
        source.status.reports.counts = [text: 1]
        source.status.reports.nextTry = now
        source.status.reports.lastRun = now
        source.status.reports.suppressed = 1
        source.own.watched = [
            OwnDomainsReport.Watched(domain: text, seenAt: nil, daysLeft: nil, troubles: []),
            OwnDomainsReport.Watched(domain: text, seenAt: now, daysLeft: 3, troubles: [text]),
        ]
        let days = [now.time.day, now.time.day.advanced(by: -1)]
        source.own.received = [
            OwnDomainsReport.Received(
                domain: text, successes: 8, failures: 2,
                kinds: [nil, text].map { host in
                    OwnDomainsReport.Failure(
                        sessions: 1, host: host, text: text, firstDay: text, lastDay: text,
                        reporters: Array(repeating: text, count: 6))
                }, reporters: [OwnDomainsReport.Reporter(name: text, reports: 1, sessions: 10, failures: 2)],
                days: Dictionary(
                    uniqueKeysWithValues: days.map { ($0, DomainReport.Sessions(successes: 4, failures: 1)) }))
        ]
        source.list = DomainList(
            rows: [DomainRow(domain: text, mode: text, fetched: now, expires: now)], hasMore: true)
        var one = DomainReport(domain: text, at: now)
        one.policy = DomainReport.Policy(
            mode: text, id: text, origin: text, life: .fetched(now, expires: now), mx: [text],
            lines: [text, "mx: \(text)"])
        one.routeText = text
        one.hosts = [
            DomainReport.Host(name: text, preference: 1, pattern: text, state: text, isFailing: false, facts: [text]),
            DomainReport.Host(name: text, preference: 1, pattern: nil, state: text, isFailing: true, facts: [text]),
        ]
        (one.verdict, one.explanation) = (text, text)
        one.held = source.status.held.first
        for day in 0..<14 as Range<Int64> {
            one.days[now.time.day.advanced(by: -day)] = DomainReport.Sessions(successes: 3, failures: 1)
        }
        source.rows = [
            ReportRow(
                day: text, domain: text, state: text, isFailure: true, destination: text, attempts: 1, nextTry: now,
                text: text)
        ]
        one.reports = source.rows
        source.one = one
        return source
    }
}
