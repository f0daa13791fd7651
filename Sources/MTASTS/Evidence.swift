// SPDX-License-Identifier: Apache-2.0
import Names
import TLSRPT

/// What was seen of the hosts of a route; a host that is not listed has not been looked at.
package struct Evidence: Sendable, Equatable {
    package var hosts: [Candidate: HostEvidence]
    /// Hosts that our own trouble kept us from looking at, and that trouble.
    package var kept: [Candidate: String] = [:]

    package init(_ hosts: [Candidate: HostEvidence] = [:]) { self.hosts = hosts }

    /// Takes what came of looking at a host.
    package mutating func note(_ result: ProbeResult, of candidate: Candidate) {
        switch result {
        case .seen(let evidence): hosts[candidate] = evidence
        case .notTried(let trouble): kept[candidate] = trouble
        }
    }
}

/// What was seen when one host was asked for STARTTLS. - RFC 8461 §4.2: Recipient MTA Certificate Validation.
package enum HostEvidence: Sendable, Hashable {
    /// TLS came up and the host proved its name.
    case conforming(TLSFacts)
    /// The host spoke and did not prove itself: at least one failure, the gravest first. A host that speaks and does
    /// not come to verified TLS, in whatever way, is one that an MTA might hand the mail to in the clear.
    case failing([Failure], TLSFacts?)
    /// There was no connection, no octet, or a greeting that turns all mail away: mail cannot go there now, which is no
    /// violation, and no proof either.
    case unreachable(String)
}

/// One way in which a host does not conform, in the words of a report.
package struct Failure: Sendable, Hashable {
    package let type: ResultType
    /// The `failure-reason-code`: one word such as `self-signed_certificate`; nil when the type says all.
    package let reasonCode: String?
    /// What a person reads, safe to print: `certificate expired on 2026-01-02T00:00:00Z`.
    package let text: String
    /// The address that was dialled.
    package let address: IPAddress?
    /// The first line of the host's answer to EHLO, safe to print.
    package let helo: String?

    package init(
        _ type: ResultType, reasonCode: String? = nil, text: String, address: IPAddress? = nil, helo: String? = nil
    ) {
        self.type = type
        self.reasonCode = reasonCode
        self.text = text
        self.address = address
        self.helo = helo
    }
}

/// The TLS session that was seen, for a person to read; every text is safe to print.
package struct TLSFacts: Sendable, Hashable {
    package enum Authentication: String, Sendable, Hashable {
        /// A chain to the trust store and a DNS-ID that matches.
        case pkix
        /// A TLSA record that DNSSEC vouches for. - RFC 7672 §3: DANE Authentication.
        case dane
    }

    package let address: IPAddress
    /// Such as `TLSv1.3`.
    package let version: String
    package let cipher: String
    package let subject: String
    package let issuer: String
    package let notBefore: UTCTime?
    package let notAfter: UTCTime?
    /// The leaf's DNS-IDs, a bounded number of them.
    package let names: [String]
    package let authentication: Authentication

    package init(
        address: IPAddress, version: String, cipher: String, subject: String, issuer: String, notBefore: UTCTime?,
        notAfter: UTCTime?, names: [String], authentication: Authentication
    ) {
        self.address = address
        self.version = version
        self.cipher = cipher
        self.subject = subject
        self.issuer = issuer
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.names = names
        self.authentication = authentication
    }
}
