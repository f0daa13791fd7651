// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import MTASTS
import Preload
import Settings
import Store
import TLSRPT

/// Looks at a domain as the daemon would, without its memory, and keeps all that was seen.
package final class Examiner: Sendable {
    private let settings: Settings
    private let network: NetworkAdapters
    private let store: Store?
    private let preload: PreloadLists

    /// - Parameter workspace: its logger tells of a store that cannot be read; the examination goes on without it.
    package init(_ workspace: Workspace) async throws {
        settings = workspace.settings
        let opened = try await workspace.openNetwork()
        network = opened.adapters
        // Without a store there is no cached policy to fall back on: the domain is seen as by a new daemon.
        store =
            FileManager.default.isReadableFile(atPath: settings.storePath) ? try? workspace.openStore() : nil
        preload = PreloadLists(
            directory: URL(fileURLWithPath: settings.storePath).deletingLastPathComponent().path,
            scratch: NSTemporaryDirectory(), documents: opened, clock: SystemClock(),
            logger: workspace.logger)
        await preload.serveKept(settings.preload)
    }

    package func shutdown() { network.shutdown() }

    package func examine(_ domain: DomainName) async -> Examination {
        async let reporting = tlsrptRecord(of: domain)
        let record = await network.discoverer.record(for: domain)
        let (finding, warnings, source) = await policy(of: domain, record: record)
        let hop = NextHop.mx(of: domain, port: NextHop.smtpPort)
        var evidence = Evidence()
        var route: Route?
        var routeError: RouteError?
        do throws(RouteError) {
            let found = try await network.router.route(to: hop).0
            evidence = settings.gate.scrutiny == .probes ? await probe(found) : Evidence()
            route = found
        } catch { routeError = error }
        let verdict: Verdict
        if let route {
            verdict = judge(
                route, under: finding, seeing: evidence, enforcement: settings.gate.enforcement,
                scrutiny: settings.gate.scrutiny)
        } else {
            verdict = judge(routeError ?? .notAsked("no route"), of: domain, under: finding)
        }
        let told = verdict.told
        let (tlsrpt, destinations) = await reporting
        var published: CachedPolicy?
        if case .policy(let cached) = finding { published = cached }
        var problem: Examination.Problem?
        if case .failed(let failure) = finding {
            problem = Examination.Problem(type: failure.type.rawValue, reasonCode: nil, text: failure.text)
        }
        return Examination(
            domain: domain.ascii, record: Self.describe(record),
            policy: published.map { Self.describe($0, warnings, source) },
            policyProblem: problem, routeProblem: routeError.map(Self.describe), mxSecure: route?.isSecure ?? false,
            hosts: (route?.candidates ?? []).map { Self.describe($0, evidence.hosts[$0], published?.policy) },
            strangers: route?.strangers ?? [], tlsrpt: tlsrpt,
            tlsrptDestinations: destinations, verdict: verdict.word, explanation: told.explanation,
            conclusion: told.conclusion)
    }

    private func policy(of domain: DomainName, record: RecordLookup) async -> (PolicyLookup, [String], source: String) {
        let now = SystemClock().now
        if let pinned = settings.localPolicies.policy(for: domain, at: now) {
            return (.policy(pinned), [], CachedPolicy.Origin.pinned.rawValue)
        }
        var finding: PolicyLookup
        switch record {
        case .found(.absent), .found(.invalid): finding = .absent
        case .unavailable(let text), .notAsked(let text): finding = .unknown(text)
        case .found(.record(let record)):
            do throws(FetchError) {
                let reading = try await network.discoverer.fetch(for: domain, isRenewal: false)
                let fresh = CachedPolicy(
                    domain: domain, id: record.id, policy: reading.policy, fetchedAt: now)
                return (.policy(fresh), reading.warnings, "live")
            } catch {
                switch error {
                case .failed(let failure): finding = .failed(failure)
                case .notTried(let text): finding = .unknown(text)
                }
            }
        }
        // - RFC 8461 §3.3: a cached policy that has not expired applies when no live one can be fetched.
        if let cached = try? await store?.policy(for: domain), cached.isLive(at: now) {
            finding = .policy(cached)
        } else if let preloaded = preload.policy(for: domain, at: now) {
            return (.policy(preloaded), [], CachedPolicy.Origin.preloaded.rawValue)
        }
        return (finding, [], "cached")
    }

    private func probe(_ route: Route) async -> Evidence {
        await withTaskGroup(of: (MXHost, ProbeResult).self) { group in
            for candidate in route.candidates {
                group.addTask { [network] in
                    let result = await network.prober.probe(
                        candidate, routeIsSecure: route.isSecure, for: route.policyDomain, turn: { _ in })
                    return (candidate, result)
                }
            }
            var seen = Evidence()
            for await (candidate, result) in group { seen.note(result, of: candidate) }
            return seen
        }
    }

    private func tlsrptRecord(of domain: DomainName) async -> (Examination.Record, [String]) {
        let answer = await network.resolver.txt(domain.service("_smtp._tls"), within: settings.dnsTimeout)
        if let failure = answer.outcome.failure {
            return (Examination.Record(status: "unavailable", id: nil, problem: "\(failure)"), [])
        }
        switch TLSRPTRecord.select(from: answer.records.map { String(decoding: $0, as: UTF8.self) }) {
        case .absent: return (Examination.Record(status: "absent", id: nil, problem: nil), [])
        case .invalid(let text): return (Examination.Record(status: "invalid", id: nil, problem: text), [])
        case .record(let record):
            return (Examination.Record(status: "found", id: nil, problem: nil), record.destinations.map(\.description))
        }
    }

    private static func describe(_ record: RecordLookup) -> Examination.Record {
        switch record {
        case .found(.record(let record)): Examination.Record(status: "found", id: record.id, problem: nil)
        case .found(.absent): Examination.Record(status: "absent", id: nil, problem: nil)
        case .found(.invalid(let text)): Examination.Record(status: "invalid", id: nil, problem: text)
        case .unavailable(let text), .notAsked(let text):
            Examination.Record(status: "unavailable", id: nil, problem: text)
        }
    }

    private static func describe(_ error: RouteError) -> String {
        switch error {
        case .nullMX: "the domain takes no mail (null MX)"
        case .noSuchDomain: "the domain does not exist or has no host for mail"
        case .bogus(let text): "the MX records fail DNSSEC validation: \(text)"
        case .unavailable(let text), .notAsked(let text, _): "the MX records cannot be had: \(text)"
        }
    }

    private static func describe(_ cached: CachedPolicy, _ warnings: [String], _ source: String)
        -> Examination.PolicySeen
    {
        Examination.PolicySeen(
            mode: cached.policy.mode.rawValue, mx: cached.policy.mx.map(\.description),
            maxAgeSeconds: cached.policy.maxAgeSeconds,
            source: source, expires: source == "cached" ? cached.expiresAt.description : nil, warnings: warnings)
    }

    private static func describe(_ candidate: MXHost, _ seen: HostEvidence?, _ policy: Policy?) -> Examination.Host {
        let pattern = policy?.mx.first { $0.matches(candidate.name) }?.description
        var facts: TLSFacts?
        var problems: [Examination.Problem] = []
        let status: String
        switch seen {
        case .conforming(let seen):
            status = "conforming"
            facts = seen
        case .failing(let failures, let seen):
            status = "failing"
            facts = seen
            problems = failures.map {
                Examination.Problem(type: $0.type.rawValue, reasonCode: $0.reasonCode, text: $0.text)
            }
        case .unreachable(let text), .turnedAway(let text):
            status = "unreachable"
            problems = [Examination.Problem(type: "unreachable", reasonCode: nil, text: text)]
        case nil: status = "not-probed"
        }
        return Examination.Host(
            name: candidate.name.ascii, preference: candidate.preference, port: candidate.port, pattern: pattern,
            status: status,
            address: facts?.address.description, tls: facts.map { "\($0.version) \($0.cipher)" },
            authentication: facts.flatMap { status == "conforming" ? $0.authentication.rawValue : nil },
            certificate: facts.map {
                Examination.Certificate(
                    subject: $0.subject, issuer: $0.issuer, notBefore: $0.notBefore?.description,
                    notAfter: $0.notAfter?.description,
                    names: $0.names)
            }, problems: problems)
    }
}
