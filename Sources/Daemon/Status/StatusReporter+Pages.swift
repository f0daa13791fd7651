// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Reporting
import Status
import StatusPage
import Store

extension StatusReporter: StatusSource {
    /// Domains on one page.
    private static let pageLength = 100
    /// Reports on one page.
    private static let mostReports = 200
    /// Days of the chart of a domain, today included.
    private static let chartDays: Int64 = 14
    /// Octets of a policy that are shown; hostile ones are long.
    private static let maxPolicyLines = 60

    func domains(holding text: String, after: String) async -> DomainList {
        do throws(StoreError) {
            let rows = try await store.listing(holding: text, after: after, limit: Self.pageLength + 1).map {
                DomainRow(
                    domain: $0.domain, mode: $0.mode, fetched: Stamp($0.fetchedAt), expires: Stamp($0.expiresAt))
            }
            return DomainList(rows: Array(rows.prefix(Self.pageLength)), hasMore: rows.count > Self.pageLength)
        } catch {
            return DomainList(rows: [], hasMore: false, problem: Self.describe(error))
        }
    }

    func reportList() async -> ReportList {
        let first = clock.now.day.advanced(by: -Self.reportDays)
        do throws(StoreError) {
            let lines = try await store.latestReports(since: first, limit: Self.mostReports)
            return ReportList(rows: lines.map(ReportRow.init))
        } catch {
            return ReportList(rows: [], problem: Self.describe(error))
        }
    }

    /// Safe to print.
    private static func describe(_ error: StoreError) -> String { printable("\(error)", limit: 300) }

    func domain(_ domain: DomainName) async -> DomainReport {
        var report = DomainReport(domain: domain.ascii, at: Stamp(clock.now))
        let (verdict, known) = gate.remembered(.mx(of: domain, port: NextHop.smtpPort))
        (report.policy, report.policyText) = describe(known.policy, of: domain)
        let policy = known.policy?.cached?.policy
        switch known.route {
        case .route(let route):
            report.hosts = route.candidates.map { host in
                Self.describe(host, known.evidence, policy)
            }
            report.routeText = route.invalidTargets.first.map { "\($0) names no host" }
        case .error(let error): report.routeText = Examination.describe(error)
        case .insecure, nil: report.routeText = "not in memory"
        }
        report.verdict = verdict?.word.rawValue
        report.explanation = verdict?.explanation ?? ""
        report.held = heldDomain(domain)
        let today = clock.now.day
        let days = (0..<Self.chartDays).map { today.advanced(by: -$0) }
        do throws(StoreError) {
            report.days = try await store.sessions(of: domain, on: days).mapValues {
                DomainReport.Sessions(successes: $0.successes, failures: $0.failures)
            }
            let lines = try await store.reportLines(of: nil, for: domain, failuresOnly: false)
            report.reports = lines.suffix(Self.mostReports).reversed().map(ReportRow.init)
        } catch {
            report.problem = Self.describe(error)
        }
        return report
    }

    /// How long a policy lasts: one that nobody fetched goes by the settings, or by its list.
    private func life(of cached: CachedPolicy, for domain: DomainName) -> DomainReport.Policy.Life {
        switch cached.origin {
        case .published: .fetched(Stamp(cached.fetchedAt), expires: Stamp(cached.expiresAt))
        case .pinned: .until(settings.value.localPolicies.entry(for: domain, at: clock.now)?.until.map { "\($0)" })
        case .preloaded: .until(overrides.list.map { "\($0.expires)" })
        }
    }

    private func describe(_ lookup: PolicyLookup?, of domain: DomainName) -> (DomainReport.Policy?, String) {
        switch lookup {
        case .policy(let cached):
            let policy = cached.policy
            return (
                DomainReport.Policy(
                    mode: policy.mode.rawValue, id: printable(cached.id, limit: 40), origin: cached.origin.rawValue,
                    life: life(of: cached, for: domain),
                    mx: policy.mx.prefix(Self.maxPolicyLines).map(\.description),
                    lines: policy.lines.prefix(Self.maxPolicyLines).map { printable($0, limit: 300) }), ""
            )
        case .absent: return (nil, "The domain announces none.")
        case .failed(let failure):
            return (nil, "One is announced and cannot be fetched: \(failure.type.rawValue): \(failure.text)")
        case .unknown(let text): return (nil, "It is not known whether there is one: \(text)")
        case .unreadable(let text): return (nil, "One is stored and cannot be read: \(text)")
        case nil: return (nil, "Nothing is known of one.")
        }
    }

    private static func describe(_ host: MXHost, _ evidence: Evidence?, _ policy: Policy?) -> DomainReport.Host {
        let seen = evidence?.hosts[host]
        let status = evidence?.status(of: host) ?? .notProbed
        let failures = (seen?.failures ?? []).map { "\($0.type.rawValue): \($0.text)" }
        let obstacle = evidence?.obstacle(of: host).map { [$0] } ?? []
        return DomainReport.Host(
            name: host.name.ascii, preference: Int(host.preference),
            pattern: policy.flatMap { $0.mx.first { $0.matches(host.name) }?.description }, state: status.inWords,
            isFailing: status == .failing, facts: failures + obstacle + (seen?.facts.map(describe) ?? []))
    }

    private static func describe(_ tls: TLSFacts) -> [String] {
        [
            "\(tls.address) \(tls.version) \(tls.cipher)",
            tls.subject.isEmpty ? "" : "certificate \(tls.subject), issued by \(tls.issuer)",
            tls.notAfter.map { "valid until \($0)" } ?? "",
        ].filter { !$0.trimming.isEmpty }
    }
}

extension ReportRow {
    fileprivate init(_ line: ReportLine) {
        let isFailure =
            Delivery.State(rawValue: line.state)?.isFailure ?? NoReport(rawValue: line.state)?.isFailure ?? false
        self.init(
            day: "\(line.day)", domain: line.domain, state: line.state, isFailure: isFailure,
            destination: line.destination.map { printable($0, limit: 300) }, attempts: line.attempts,
            nextTry: line.nextTry.map { Stamp($0) }, text: printable(line.text, limit: 300))
    }
}

extension String {
    fileprivate var trimming: String { filter { $0 != " " } }
}
