// SPDX-License-Identifier: Apache-2.0

/// What went wrong in a session or with a policy, in the registry's words. - RFC 8460 §4.3: Result Types.
package enum ResultType: String, Sendable, Hashable, CaseIterable, Codable {
    // Negotiation. - RFC 8460 §4.3.1: Negotiation Failures.
    case starttlsNotSupported = "starttls-not-supported"
    case certificateHostMismatch = "certificate-host-mismatch"
    case certificateExpired = "certificate-expired"
    case certificateNotTrusted = "certificate-not-trusted"
    case validationFailure = "validation-failure"
    // DANE. - RFC 8460 §4.3.2.1: DANE-Specific Policy Failures.
    case tlsaInvalid = "tlsa-invalid"
    case dnssecInvalid = "dnssec-invalid"
    case daneRequired = "dane-required"
    // MTA-STS. - RFC 8460 §4.3.2.2: MTA-STS-specific Policy Failures.
    case stsPolicyFetchError = "sts-policy-fetch-error"
    case stsPolicyInvalid = "sts-policy-invalid"
    case stsWebPKIInvalid = "sts-webpki-invalid"

    /// Whether the failure is one of DANE, which is reported under a `tlsa` policy.
    package var isDANE: Bool {
        switch self {
        case .tlsaInvalid, .dnssecInvalid, .daneRequired: true
        case .starttlsNotSupported, .certificateHostMismatch, .certificateExpired, .certificateNotTrusted,
            .validationFailure, .stsPolicyFetchError, .stsPolicyInvalid, .stsWebPKIInvalid:
            false
        }
    }
}
