// SPDX-License-Identifier: Apache-2.0

/// When a certificate of the laboratory holds.
package enum Validity: Sendable, Hashable {
    /// From yesterday for a year.
    case valid
    /// Ended yesterday.
    case expired
    /// Begins tomorrow.
    case notYet
    /// From so many days from now to so many days from now.
    case days(from: Int, to: Int)

    /// First and last day, counted from today.
    var days: (from: Int, to: Int) {
        switch self {
        case .valid: (-1, 365)
        case .expired: (-30, -1)
        case .notYet: (1, 365)
        case .days(let from, let to): (from, to)
        }
    }
}

/// What may be unusual about an issued certificate.
package enum CertificateOption: Sendable, Hashable {
    /// No subjectAltName at all: the names stand in the common name only.
    case commonNameOnly
    /// The server does not send the intermediate that a client needs.
    case withoutIntermediate
    /// Extended key usage clientAuth in place of serverAuth.
    case clientAuthenticationOnly
    /// A key of its own in place of the authority's shared leaf key, so that ``Credential/tlsa311`` differs.
    case ownKey
    /// A key of its own on the curve P-521.
    case p521Key
    /// An RSA key of its own of so many bits.
    case rsaKey(bits: Int)
    /// Signed with SHA-1.
    case sha1Signature
}
