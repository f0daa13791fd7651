// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TLSRPT

extension HeldCause {
    /// What an operator can do about it, in one or two sentences.
    func remedy(for domain: DomainName) -> String {
        if isOurs {
            return "the fault is on this side: see the log of sts-milter; the mail goes by itself once it is cured"
        }
        let look = "sts-milter check \(domain)"
        guard let type else {
            return "wait, the MTA tries again; \(look) says what is seen now"
        }
        let them = "tell the postmaster of \(domain)"
        switch type {
        case .starttlsNotSupported:
            return "\(them): the host offers no TLS; if no host anywhere does, this network strips it: \(look)"
        case .certificateExpired: return "\(them): the certificate must be renewed; \(exception(domain))"
        case .certificateHostMismatch, .certificateNotTrusted:
            return "\(them): the certificate must name the host and be of a known authority; \(exception(domain))"
        case .validationFailure: return "\(them), or wait if the policy was changed just now: \(look)"
        case .tlsaInvalid, .dnssecInvalid, .daneRequired:
            return "\(them): the TLSA records or their signatures do not fit the hosts; \(look)"
        case .stsPolicyFetchError, .stsPolicyInvalid, .stsWebPKIInvalid: return "\(them); \(look)"
        }
    }

    private func exception(_ domain: DomainName) -> String {
        "for an exception with an end, add to the settings what is printed by: sts-milter policy pin \(domain) --mode none --until DAY"
    }
}
