// SPDX-License-Identifier: Apache-2.0

/// How far Postfix found a certificate to be good, by the first word of its line.
enum PostfixTLSLevel: Int, Sendable, Codable {
    /// A certificate of an issuer that is not trusted.
    case untrusted
    /// A certificate of a trusted issuer; its names were not asked for, or did not match.
    case trusted
    /// The certificate is what the security level asked for.
    case verified
    /// No certificate: none was asked for, or the server has none.
    case anonymous

    init?(_ word: SyslogOctets) {
        if word.equals("Verified") {
            self = .verified
        } else if word.equals("Trusted") {
            self = .trusted
        } else if word.equals("Untrusted") {
            self = .untrusted
        } else if word.equals("Anonymous") {
            self = .anonymous
        } else {
            return nil
        }
    }
}
