// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Reporting

extension Examination {
    /// Puts into words what a walk came by.
    /// - Parameter reading: the policy as it was fetched just now; nil if it was not.
    init(
        of domain: DomainName, record: RecordLookup, reading: Policy.Reading?, certificateEnd: UTCTime?,
        verdict: Verdict, known: Known, reporting: ReportAudience
    ) {
        let policy = known.policy?.cached
        var policyProblem: Problem?
        if case .failed(let failure) = known.policy {
            policyProblem = Problem(type: failure.type.rawValue, reasonCode: nil, text: failure.text)
        }
        var routeProblem: String?
        if case .error(let error) = known.route { routeProblem = Self.describe(error) }
        let route = known.route?.found
        let (tlsrpt, destinations, unserved) = Self.describe(reporting)
        self.init(
            domain: domain.ascii, record: Self.describe(record),
            policy: policy.map { Self.describe($0, reading) }, policyProblem: policyProblem,
            policyHostCertificateEnds: certificateEnd, routeProblem: routeProblem,
            mxSecure: route?.isSecure ?? false,
            hosts: (route?.candidates ?? []).map { Self.describe($0, known.evidence, policy?.policy) },
            invalidTargets: route?.invalidTargets ?? [], tlsrpt: tlsrpt, tlsrptDestinations: destinations,
            tlsrptUnserved: unserved, verdict: verdict.word, explanation: verdict.explanation,
            conclusion: verdict.conclusion)
    }

    private static func describe(_ audience: ReportAudience) -> (Record, destinations: [String], unserved: [String]) {
        func record(_ status: Record.Status, _ problem: String? = nil) -> Record {
            Record(status: status, id: nil, problem: problem.map { printable($0, limit: maxProblemCharacters) })
        }
        return switch audience {
        case .served(let destinations, let unserved): (record(.found), destinations.map(\.description), unserved)
        case .unservable(let why): (record(.found, why), [], [])
        case .unwanted: (record(.found, "no report goes there: report.never"), [], [])
        case .absent: (record(.absent), [], [])
        case .invalid(let why): (record(.invalid, why), [], [])
        case .unavailable(let why): (record(.unavailable, why), [], [])
        }
    }

    /// Room for the reasons of several URIs.
    private static let maxProblemCharacters = 500

    private static func describe(_ record: RecordLookup) -> Record {
        switch record {
        case .found(.record(let record)): Record(status: .found, id: record.id, problem: nil)
        case .found(.absent): Record(status: .absent, id: nil, problem: nil)
        case .found(.invalid(let text)): Record(status: .invalid, id: nil, problem: text)
        case .unavailable(let text), .notAsked(let text):
            Record(status: .unavailable, id: nil, problem: text)
        }
    }

    static func describe(_ error: RouteError) -> String {
        switch error {
        case .nullMX: "the domain takes no mail (null MX)"
        case .noSuchDomain: "the domain does not exist or has no host for mail"
        case .bogus(let text): "the MX records fail DNSSEC validation: \(text)"
        case .unavailable(let text), .notAsked(let text, _): "the MX records cannot be looked up: \(text)"
        }
    }

    private static func describe(_ cached: CachedPolicy, _ reading: Policy.Reading?) -> PolicySeen {
        let live = reading.flatMap { cached.origin == .published && $0.policy == cached.policy ? $0 : nil }
        let source: PolicySeen.Source =
            switch cached.origin {
            case .published: live == nil ? .cached : .live
            case .pinned: .pinned
            case .preloaded: .preloaded
            }
        return PolicySeen(
            mode: cached.policy.mode, mx: cached.policy.mx.map(\.description),
            maxAgeSeconds: cached.policy.maxAgeSeconds, source: source,
            expires: source == .cached ? cached.expiresAt : nil, warnings: live?.warnings ?? [])
    }

    private static func describe(_ candidate: MXHost, _ evidence: Evidence?, _ policy: Policy?) -> Host {
        let (seen, status) = (evidence?.hosts[candidate], evidence?.status(of: candidate) ?? .notProbed)
        let failures = (seen?.failures ?? []).map {
            Problem(type: $0.type.rawValue, reasonCode: $0.reasonCode, text: $0.text)
        }
        let obstacle = evidence?.obstacle(of: candidate).map {
            Problem(type: status.rawValue, reasonCode: nil, text: $0)
        }
        let facts = seen?.facts
        return Host(
            name: candidate.name.ascii, preference: candidate.preference, port: candidate.port,
            pattern: policy?.mx.first { $0.matches(candidate.name) }?.description, status: status,
            address: facts?.address.description, tls: facts.map { "\($0.version) \($0.cipher)" },
            authentication: status == .conforming ? facts?.authentication.rawValue : nil,
            certificate: facts.map {
                Certificate(
                    subject: $0.subject, issuer: $0.issuer, notBefore: $0.notBefore, notAfter: $0.notAfter,
                    names: $0.names)
            }, problems: failures + (obstacle.map { [$0] } ?? []))
    }
}
