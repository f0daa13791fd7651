// SPDX-License-Identifier: Apache-2.0

/// Something that the operator of a domain has to mend.
struct OwnTrouble: Sendable, Hashable {
    /// What it is of: a fixed set, for metrics.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The TXT record `_mta-sts`.
        case record
        case policy
        /// An MX host without TLS that can be verified.
        case host
        /// An MX host that the policy does not name, or a target of an MX record that names no host.
        case pattern
        /// A certificate that has ended, or soon ends.
        case certificate
        /// The MX records cannot be looked up.
        case route
        /// The TXT record `_smtp._tls`. - RFC 8460 §3: Reporting Policy.
        case tlsrpt
    }

    let kind: Kind
    /// What a person reads, safe to print.
    let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }
}
