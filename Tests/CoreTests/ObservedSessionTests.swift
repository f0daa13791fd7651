// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Testing

@Suite("What a session of a log adds to a report")
struct ObservedSessionTests {
    enum Policed: Sendable { case enforce, testing, none, absent, unknown, failed }

    struct Row: Sendable, CustomStringConvertible {
        let policy: Policed
        var host: String? = "mx1.example.org"
        let result: ObservedSession.Result
        var fallback: String?
        var seen: HostEvidence?
        /// `POLICY-TYPE success`, or `POLICY-TYPE` with each result type and reason; nil for nothing.
        let expected: String?
        var description: String { "\(policy) \(host ?? "-") \(result) \(seen.map { "seen \($0)" } ?? "")" }
    }

    private static let address = IPAddress("192.0.2.1")
    private static let expired = HostEvidence.failing([Failure(.certificateExpired, text: "expired")], nil)
    private static let noTLS = HostEvidence.failing([Failure(.starttlsNotSupported, text: "no STARTTLS")], nil)

    private static let mismatched = HostEvidence.failing([Failure(.tlsaInvalid, text: "no match")], nil)

    private static func conforming(_ authentication: TLSFacts.Authentication) -> HostEvidence? {
        address.map {
            .conforming(
                TLSFacts(
                    address: $0, version: "TLSv1.3", cipher: "", subject: "", issuer: "", notBefore: nil, notAfter: nil,
                    names: [], authentication: authentication))
        }
    }

    static let rows: [Row] = [
        Row(policy: .enforce, result: .verified, expected: "sts success"),
        Row(policy: .enforce, host: "a.mail.example.org", result: .verified, expected: "sts success"),
        Row(policy: .enforce, result: .trusted, expected: "sts success"),
        Row(
            policy: .enforce, result: .failed(.certificateHostMismatch, reason: nil),
            expected: "sts certificate-host-mismatch"),
        // A certificate that happens to cover a name of the policy does not bring a host into it.
        Row(
            policy: .enforce, host: "evil.example.net", result: .verified,
            expected: "sts validation-failure:mx-not-in-sts-policy"),
        // One label is one label. - RFC 8461 §4.1
        Row(
            policy: .enforce, host: "a.b.mail.example.org", result: .verified,
            expected: "sts validation-failure:mx-not-in-sts-policy"),
        Row(
            policy: .enforce, host: "evil.example.net", result: .failed(.certificateHostMismatch, reason: nil),
            expected: "sts validation-failure:mx-not-in-sts-policy data:,certificate-host-mismatch"),
        Row(
            policy: .enforce, host: "evil.example.net",
            result: .failed(.validationFailure, reason: "mx-not-in-sts-policy"),
            expected: "sts validation-failure:mx-not-in-sts-policy"),
        Row(policy: .enforce, result: .plaintext, expected: "sts starttls-not-supported"),
        Row(policy: .testing, result: .plaintext, expected: "sts starttls-not-supported"),
        // The sender's own choice says nothing of the host.
        Row(policy: .enforce, result: .notWanted, expected: nil),
        Row(policy: .testing, host: "evil.example.net", result: .notWanted, seen: noTLS, expected: nil),
        Row(policy: .failed, result: .notWanted, expected: nil),
        Row(policy: .absent, result: .notWanted, seen: conforming(.dane), expected: nil),
        // A host that offers STARTTLS supports it.
        Row(
            policy: .enforce, result: .plaintext, seen: conforming(.pkix),
            expected: "sts validation-failure:starttls-not-used"),
        Row(
            policy: .enforce, result: .plaintext, seen: conforming(.dane),
            expected: "tlsa validation-failure:starttls-not-used"),
        Row(policy: .enforce, result: .plaintext, seen: noTLS, expected: "sts starttls-not-supported"),
        Row(
            policy: .testing, result: .plaintext, fallback: "tls-handshake-failure",
            expected: "sts validation-failure:tls-handshake-failure"),
        Row(
            policy: .testing, result: .plaintext, fallback: "tls-handshake-failure", seen: conforming(.pkix),
            expected: "sts validation-failure:tls-handshake-failure"),
        Row(policy: .absent, result: .plaintext, fallback: "tls-handshake-failure", expected: nil),
        Row(policy: .testing, result: .trusted, expected: "sts success"),
        Row(policy: .testing, result: .untrusted, expected: "sts certificate-not-trusted"),
        // What a probe found out about the certificate is more than a log under an opportunistic level says.
        Row(policy: .testing, result: .untrusted, seen: expired, expected: "sts certificate-expired"),
        Row(policy: .testing, result: .trusted, seen: expired, expected: "sts certificate-expired"),
        Row(policy: .testing, result: .trusted, seen: noTLS, expected: "sts success"),
        Row(policy: .testing, result: .untrusted, seen: noTLS, expected: "sts certificate-not-trusted"),
        // A probe is more than an MTA says that was not asked to look, or lacks an authority.
        Row(policy: .testing, result: .untrusted, seen: conforming(.pkix), expected: "sts success"),
        Row(policy: .enforce, result: .untrusted, seen: conforming(.pkix), expected: "sts success"),
        Row(
            policy: .testing, host: "evil.example.net", result: .untrusted, seen: conforming(.pkix),
            expected: "sts validation-failure:mx-not-in-sts-policy"),
        Row(policy: .testing, result: .untrusted, seen: .unreachable("x"), expected: "sts certificate-not-trusted"),
        Row(policy: .enforce, result: .verified, seen: expired, expected: "sts success"),
        Row(
            policy: .testing, host: "evil.example.net", result: .trusted,
            expected: "sts validation-failure:mx-not-in-sts-policy"),
        Row(
            policy: .testing, result: .failed(.validationFailure, reason: "tls-handshake-failure"),
            expected: "sts validation-failure:tls-handshake-failure"),
        // DANE decides for a host that has it. - RFC 8461 §2
        Row(policy: .enforce, result: .verified, seen: conforming(.dane), expected: "tlsa success"),
        Row(
            policy: .enforce, result: .failed(.validationFailure, reason: "x"), seen: conforming(.dane),
            expected: "tlsa validation-failure:x"),
        Row(policy: .absent, result: .verified, seen: conforming(.dane), expected: "tlsa success"),
        Row(
            policy: .enforce, result: .failed(.tlsaInvalid, reason: nil), expected: "tlsa tlsa-invalid"),
        Row(
            policy: .absent, result: .failed(.tlsaInvalid, reason: nil), expected: "tlsa tlsa-invalid"),
        Row(
            policy: .enforce, result: .failed(.certificateNotTrusted, reason: nil), seen: mismatched,
            expected: "tlsa certificate-not-trusted"),
        // The MTA does no DANE, and went by the policy.
        Row(policy: .enforce, result: .verified, seen: mismatched, expected: "sts success"),
        Row(policy: .enforce, result: .verified, seen: conforming(.pkix), expected: "sts success"),
        // Mode none is as though there were no policy. - RFC 8461 §5
        Row(policy: .none, result: .trusted, expected: "no-policy-found success"),
        Row(policy: .none, result: .plaintext, expected: nil),
        Row(policy: .absent, result: .untrusted, expected: "no-policy-found success"),
        Row(policy: .absent, result: .plaintext, expected: nil),
        Row(
            policy: .absent, result: .failed(.starttlsNotSupported, reason: nil),
            expected: "no-policy-found starttls-not-supported"),
        Row(policy: .unknown, result: .trusted, expected: "no-policy-found success"),
        // A policy that cannot be had is a failure of its own, however well the session went.
        Row(policy: .failed, result: .trusted, expected: "sts sts-policy-fetch-error:HTTP status 404"),
        Row(policy: .failed, result: .plaintext, expected: "sts sts-policy-fetch-error:HTTP status 404"),
    ]

    @Test("by policy, host and what is seen", arguments: rows)
    func counts(_ row: Row) throws {
        let domain = try DomainName("example.org")
        var session = ObservedSession(
            source: .postfixLog, time: UTCTime(secondsSinceEpoch: 86_400 * 3 + 5), domain: domain,
            host: try row.host.map { try DomainName($0) }, address: Self.address, result: row.result, queueID: "1")
        session.fallbackReason = row.fallback
        let counts = SessionCount.counts(
            of: session, for: domain, under: try finding(row.policy, domain), seeing: row.seen)
        #expect(counts.first.map(text) == row.expected)
        #expect(counts.count == (row.expected == nil ? 0 : 1))
        #expect(counts.allSatisfy { $0.day == UTCDay(daysSinceEpoch: 3) && $0.domain == domain })
    }

    private func text(_ count: SessionCount) -> String {
        let failure = count.failure.map { $0.type.text + ($0.reasonCode.map { ":" + $0 } ?? "") }
        let more = count.failure?.additionalInformation.map { [$0] } ?? []
        return ([count.policy.reported.type.text, failure ?? "success"] + more).joined(separator: " ")
    }

    private func finding(_ policed: Policed, _ domain: DomainName) throws -> PolicyLookup {
        func policy(_ mode: String) throws -> PolicyLookup {
            let body = "version: STSv1\nmode: \(mode)\nmx: mx1.example.org\nmx: *.mail.example.org\nmax_age: 86400\n"
            return .policy(
                CachedPolicy(
                    domain: domain, id: "1", policy: try Policy.read(body.utf8).policy,
                    fetchedAt: UTCTime(secondsSinceEpoch: 0)))
        }
        return switch policed {
        case .enforce: try policy("enforce")
        case .testing: try policy("testing")
        case .none: try policy("none")
        case .absent: .absent
        case .unknown: .unknown("SERVFAIL")
        case .failed: .failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 404"))
        }
    }
}
