// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS
import TLSRPT

/// The reason code for a session in the clear with a host that offers STARTTLS. The registry's `starttls-not-supported` is for
/// a host that does not. - RFC 8460 §4.3.1: validation-failure.
package let tlsNotUsedReason = "starttls-not-used"

extension SessionCount {
    /// What a session that a log tells of adds to the report of a domain; nothing if it says nothing about TLS.
    /// - Parameters:
    ///   - domain: the Policy Domain of the next hop that the MTA took.
    ///   - finding: the domain's policy when the session was.
    ///   - seen: what the last look at the host found, where there was one: it knows of the certificate what a log under
    ///     an opportunistic level does not say.
    ///   - dane: the TLSA records that decided about the host, as the MTA was told or a probe saw.
    package static func counts(
        of session: ObservedSession, for domain: DomainName, under finding: PolicyLookup, seeing seen: HostEvidence?,
        dane: TLSAPolicy? = nil
    ) -> [SessionCount] {
        func count(_ policy: AppliedPolicy, _ details: [FailureDetails]) -> [SessionCount] {
            [
                SessionCount(
                    day: session.time.day, domain: domain, policy: policy, isFailure: !details.isEmpty,
                    details: details)
            ]
        }
        // The sender's own choice is no failure of the recipient's, and no success either.
        if session.result == .notWanted { return [] }
        if session.result == .plaintext, !session.isTLSLogged { return [] }
        // - RFC 8461 §2: Related Technologies. DANE comes first, and its sessions are its own.
        if let host = session.host,
            let dane = dane ?? (session.isDecidedByDANE(seeing: seen) ? TLSAPolicy(base: host) : nil)
        {
            let counted = count(.reported(dane.reported), session.ownFailure(seeing: seen))
            guard case .failed(let failure) = finding else { return counted }
            return counted + count(.sts(domain, nil), [FailureDetails(failure.type, reasonCode: failure.text)])
        }
        switch finding {
        case .policy(let cached) where cached.policy.mode != .none:
            return count(.sts(domain, cached.policy), session.failures(under: cached.policy, seeing: seen))
        case .failed(let failure):
            return count(.sts(domain, nil), [FailureDetails(failure.type, reasonCode: failure.text)])
        // - RFC 8461 §5: mode none is as though there were no policy.
        case .policy, .absent, .unknown, .unreadable:
            // - Deviation: plain text without a policy is not counted.
            if session.result == .plaintext { return [] }
            let none = ReportedPolicy(.noPolicyFound, domain: domain.ascii)
            return count(.reported(none), session.ownFailure(seeing: seen))
        }
    }

    /// What a delivery adds that the policy map did not let go: no host was dialled, so it failed before the session.
    static func count(of session: ObservedSession, for domain: DomainName, refusedFor refusal: MapRefusal)
        -> SessionCount
    {
        let policy: AppliedPolicy
        let failure: FailureDetails
        switch refusal {
        case .noHostInPolicy(let cached):
            policy = .sts(domain, cached.policy)
            failure = session.details(.validationFailure, mxNotInPolicyReason)
        case .bogus:
            policy = .reported(ReportedPolicy(.tlsa, domain: (session.host ?? domain).ascii))
            failure = session.details(.dnssecInvalid, nil)
        }
        return SessionCount(
            day: session.time.day, domain: domain, policy: policy, isFailure: true, details: [failure])
    }
}

extension ObservedSession {
    /// Whether the MTA left the host out because the policy does not name it.
    package var isOutsidePolicy: Bool {
        if case .failed(.validationFailure, mxNotInPolicyReason) = result { true } else { false }
    }

    /// Whether the server was dialled by its address, which no MX record holds: a relay of the site's own.
    package var isDialledByAddress: Bool { host == nil && cutHost == nil && address != nil }

    /// Whether TLSA records decided about it: the log says that they were not kept, or a probe saw what came of them.
    package func isDecidedByDANE(seeing seen: HostEvidence?) -> Bool {
        switch (result, seen) {
        case (.failed(let type, _), _) where type.isDANE: true
        case (_, .conforming): seen?.isAuthenticatedByDANE == true
        // An MTA that let the mail go to such a host does no DANE.
        case (.failed, .failing(let failures, _)): failures.contains { $0.type.isDANE }
        default: false
        }
    }

    /// What the log itself says went wrong.
    fileprivate func ownFailure(seeing seen: HostEvidence?) -> [FailureDetails] {
        switch result {
        case .verified, .trusted, .untrusted, .refusedByMap, .notWanted: []
        case .plaintext: [plaintextFailure(seeing: seen)]
        case .failed(let type, let reason): [details(type, reason)]
        }
    }

    private func plaintextFailure(seeing seen: HostEvidence?) -> FailureDetails {
        // The host had offered STARTTLS a moment before: what counts is why TLS was given up.
        if let fallbackReason { return details(.validationFailure, fallbackReason) }
        // It offers STARTTLS. Somebody on the way may keep that from the MTA, so that the failure is not kept back.
        if case .conforming = seen { return details(.validationFailure, tlsNotUsedReason) }
        return details(.starttlsNotSupported, nil)
    }

    /// What went wrong, measured by the policy rather than by what the MTA asked for.
    fileprivate func failures(under policy: Policy, seeing seen: HostEvidence?) -> [FailureDetails] {
        var failures = ownFailure(seeing: seen)
        switch (result, seen) {
        // The probe has judged the certificate by the policy; the MTA by the authorities that it was given, if any.
        case (.untrusted, .conforming?): break
        case (.untrusted, _): failures = seenFailures(seen) ?? [details(.certificateNotTrusted, nil)]
        case (.trusted, _): failures = seenFailures(seen) ?? []
        case (.verified, _), (.plaintext, _), (.failed, _), (.refusedByMap, _), (.notWanted, _): break
        }
        // - RFC 8461 §4.1: MX Host Validation.
        if let host, !policy.covers(host) { failures.append(details(.validationFailure, mxNotInPolicyReason)) }
        return failures
    }

    private func seenFailures(_ seen: HostEvidence?) -> [FailureDetails]? {
        guard case .failing(let failures, _) = seen else { return nil }
        // How TLS began, the session itself knows better.
        let certificate = failures.filter {
            switch $0.type {
            case .certificateExpired, .certificateHostMismatch, .certificateNotTrusted: true
            case .starttlsNotSupported, .validationFailure, .tlsaInvalid, .dnssecInvalid, .daneRequired,
                .stsPolicyFetchError, .stsPolicyInvalid, .stsWebPKIInvalid:
                false
            }
        }
        return certificate.isEmpty ? nil : certificate.map { details($0.type, $0.reasonCode) }
    }

    fileprivate func details(_ type: ResultType, _ reason: String?) -> FailureDetails {
        FailureDetails(
            type, receivingMXHostname: host?.ascii, receivingIP: address?.description, reasonCode: reason)
    }
}
