// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT
import Testing

@testable import Core
/// One transition: what is known, and what comes next.
struct ResolutionRow<Answer: Sendable & Equatable>: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private let change: @Sendable (inout Known) throws -> Void
    let step: Step<Answer>

    /// - Parameter change: from knowing nothing of ``Fixture/hop`` to what is known.
    init(_ rule: String, _ step: Step<Answer>, _ change: @escaping @Sendable (inout Known) throws -> Void) {
        testDescription = rule
        self.change = change
        self.step = step
    }

    func known() throws -> Known {
        var known = Known(Fixture.hop)
        try change(&known)
        return known
    }
}

extension Known {
    /// The policy covers `mx1.example.org` and `*.mail.example.org`.
    mutating func route(_ mode: Policy.Mode, _ hosts: [String], isSecure: Bool = false) {
        policy = Fixture.lookup(mode)
        route = .route(Fixture.route(hosts, isSecure: isSecure))
    }

    /// The first host has usable TLSA records, the second has none.
    mutating func someHosts(_ other: String = "a.mail.example.org", seeing first: HostEvidence? = nil) {
        route(.enforce, ["mx1.example.org", other], isSecure: true)
        dane = [.usable, .absent]
        evidence = Fixture.evidence(first.map { ["mx1.example.org": $0] } ?? [:])
    }

    /// One host on a secure route, and no policy.
    mutating func open(_ statuses: [DANEStatus]?, _ seen: HostEvidence? = nil) {
        policy = .absent
        route = .route(Fixture.route(["mx1.example.org"], isSecure: true))
        dane = statuses
        evidence = seen.map { Fixture.evidence(["mx1.example.org": $0]) }
    }

    mutating func doubt(_ history: RouteHistory.Entry, _ error: RouteError = .unavailable("SERVFAIL")) {
        policy = Fixture.lookup(.enforce)
        route = .error(error)
        self.history = history
    }
}

/// Values for rows.
enum Fixture {
    static let hop = NextHop.mx(of: name("example.org"), port: 25)
    static let literal = NextHop.address(address, port: 25)
    static let late = Doubt("lookup of hosts still running")
    static let failure = PolicyFailure(.stsPolicyFetchError, "HTTP status 404")
    static let hosts = [name("mx1.example.org")]
    static let good = HostEvidence.conforming(facts(.pkix))
    static let dane = HostEvidence.conforming(facts(.dane))
    static let bad = HostEvidence.failing([Failure(.certificateExpired, text: "certificate expired")], nil)

    static let mismatched = HostEvidence.failing([Failure(.tlsaInvalid, text: "no match")], nil)
    static var mismatch: Violation {
        Violation(
            policyDomain: name("example.org"),
            findings: [
                HostFinding(host: name("mx1.example.org"), failures: [Failure(.tlsaInvalid, text: "no match")])
            ], requirement: .dane)
    }

    static var enforced: MapAnswer {
        .enforce(policy(.enforce), .known([name("mx1.example.org"), name("a.mail.example.org")]))
    }

    static func name(_ text: String) -> DomainName {
        guard let name = try? DomainName(text) else { preconditionFailure("no name: \(text)") }
        return name
    }

    static var address: IPAddress {
        guard let address = IPAddress("192.0.2.1") else { preconditionFailure("a literal") }
        return address
    }

    static func lookup(_ mode: Policy.Mode) -> PolicyLookup { .policy(policy(mode)) }

    static func policy(_ mode: Policy.Mode, mx: String = "mx1.example.org\nmx: *.mail.example.org") -> CachedPolicy {
        guard let policy = try? Policy.read(body(mode, mx: mx).utf8).policy else { preconditionFailure("no policy") }
        return CachedPolicy(
            domain: name("example.org"), id: "1", policy: policy, fetchedAt: UTCTime(secondsSinceEpoch: 1_000_000))
    }

    static func route(_ hosts: [String], isSecure: Bool) -> Route {
        Route(policyDomain: name("example.org"), candidates: hosts.map(host), isSecure: isSecure)
    }

    static func host(_ text: String) -> MXHost { MXHost(name: name(text), preference: 10, port: 25) }

    static func evidence(_ seen: [String: HostEvidence]) -> Evidence {
        var evidence = Evidence()
        for (name, seen) in seen { evidence.note(.seen(seen), of: host(name)) }
        return evidence
    }

    static func notTried(_ hosts: [String]) -> Evidence {
        var evidence = Evidence()
        for name in hosts { evidence.note(.notTried("no descriptors"), of: host(name)) }
        return evidence
    }

    static func violation(of host: String?, _ type: ResultType, _ text: String) -> Violation {
        Violation(
            policyDomain: name("example.org"),
            findings: [HostFinding(host: host.map(name), failures: [Failure(type, text: text)])])
    }

    static func outside(_ host: String) -> Violation {
        let failure = Failure(
            .validationFailure, reasonCode: mxNotInPolicyReason, text: "MX host is not in the policy")
        return Violation(
            policyDomain: name("example.org"), findings: [HostFinding(host: name(host), failures: [failure])])
    }

    static func facts(_ authentication: TLSFacts.Authentication) -> TLSFacts {
        TLSFacts(
            address: address, version: "TLSv1.3", cipher: "x", subject: "", issuer: "", notBefore: nil, notAfter: nil,
            names: [], authentication: authentication)
    }
}
