// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// What was seen of the hosts of a route; a host that is not listed has not been looked at.
package struct Evidence: Sendable, Equatable {
    package var hosts = ByHost<HostEvidence>()
    /// Hosts that a failure of our own kept us from looking at, and what it was.
    package var notTried = ByHost<String>()

    package init() {}

    /// Takes what came of looking at a host.
    package mutating func note(_ result: ProbeResult, of candidate: MXHost) {
        switch result {
        case .seen(let evidence): hosts[candidate] = evidence
        case .notTried(let cause): notTried[candidate] = cause
        }
    }
}

/// What belongs to some hosts of a route. They are few, so that to look through them costs less than a dictionary.
package struct ByHost<Value: Sendable & Equatable>: Sendable, Equatable {
    /// Each host once, in the order in which they came.
    package private(set) var entries: [(host: MXHost, value: Value)] = []

    package init() {}

    /// Makes room for so many hosts.
    package mutating func reserve(_ hosts: Int) { entries.reserveCapacity(hosts) }

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }

    package subscript(host: MXHost) -> Value? {
        get { place(of: host).map { entries[$0].value } }
        set {
            switch (place(of: host), newValue) {
            case (let place?, let value?): entries[place].value = value
            case (let place?, nil): entries.remove(at: place)
            case (nil, let value?): entries.append((host, value))
            case (nil, nil): break
            }
        }
    }

    private func place(of host: MXHost) -> Int? {
        for place in entries.indices where entries[place].host == host { return place }
        return nil
    }

    package static func == (left: ByHost, right: ByHost) -> Bool {
        left.count == right.count && left.entries.allSatisfy { right[$0.host] == $0.value }
    }
}

/// What was seen when one host was asked for STARTTLS. - RFC 8461 §4.2: Recipient MTA Certificate Validation.
///
/// What is said at length lies in a block of its own, so that handing it on costs one reference.
package enum HostEvidence: Sendable, Hashable {
    /// TLS came up and the host proved its name.
    indirect case conforming(TLSFacts)
    /// The host spoke and did not prove itself: at least one failure, the gravest first. A host that speaks and does
    /// not come to verified TLS, in whatever way, is one that an MTA might hand the mail to in the clear.
    indirect case failing([Failure], TLSFacts?)
    /// There was no connection: mail cannot go there now, which is no violation, and no proof either.
    case unreachable(String)
    /// The host took the connection and let us no further: no octet, or a greeting that turns all mail away. It is no
    /// violation either, but a host that is up, and may let in the MTA the next moment.
    case turnedAway(String)
    /// Whether the host has TLSA records could not be looked up: it must not be used, whatever certificate it has, and
    /// may still be used by an MTA that does no DANE. - RFC 7672 §2.1.2: DNS Error Handling.
    case unresolved(String)

    /// Whether the host proved its name by TLSA records.
    package var isAuthenticatedByDANE: Bool {
        if case .conforming(let facts) = self { facts.authentication == .dane } else { false }
    }

    /// Whether it holds for mail to one next hop only. - RFC 7672 §3.2.2: Name Checks.
    package var isOfNextHop: Bool {
        switch self {
        case .conforming(let facts): facts.isOfNextHop
        case .failing(_, let facts): facts?.isOfNextHop ?? false
        case .unreachable, .turnedAway, .unresolved: false
        }
    }
}

/// One way in which a host does not conform, in the words of a report.
package struct Failure: Sendable, Hashable {
    package let type: ResultType
    /// The `failure-reason-code`: one word such as `self-signed_certificate`; nil when the type says all.
    package let reasonCode: String?
    /// Longest text, reason and answer that is kept, in octets: evidence is kept of many hosts, and they choose the words.
    private static let maxTextOctets = 255

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
        self.reasonCode = reasonCode?.cut(to: Self.maxTextOctets)
        self.text = text.cut(to: Self.maxTextOctets)
        self.address = address
        self.helo = helo?.cut(to: Self.maxTextOctets)
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

    /// Names that are kept, and the longest of them and of the other texts, in octets: a certificate may hold 100 KiB, and
    /// what is seen of hosts is kept of many.
    private static let maxNames = 3
    private static let maxNameOctets = 253
    private static let maxTextOctets = 100

    package let address: IPAddress
    /// Such as `TLSv1.3`.
    package let version: String
    package let cipher: String
    package let subject: String
    package let issuer: String
    package let notBefore: UTCTime?
    package let notAfter: UTCTime?
    /// The first of the leaf's DNS-IDs.
    package let names: [String]
    package let authentication: Authentication
    /// Whether the name of the next hop decided, which the certificate has, or lacks: it holds for that one only.
    package let isOfNextHop: Bool

    package init(
        address: IPAddress, version: String, cipher: String, subject: String, issuer: String, notBefore: UTCTime?,
        notAfter: UTCTime?, names: [String], authentication: Authentication, isOfNextHop: Bool = false
    ) {
        self.address = address
        self.version = version.cut(to: Self.maxTextOctets)
        self.cipher = cipher.cut(to: Self.maxTextOctets)
        self.subject = subject.cut(to: Self.maxTextOctets)
        self.issuer = issuer.cut(to: Self.maxTextOctets)
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.names = names.prefix(Self.maxNames).map { $0.cut(to: Self.maxNameOctets) }
        self.authentication = authentication
        self.isOfNextHop = isOfNextHop
    }
}
