// SPDX-License-Identifier: Apache-2.0

/// Why a server did not do, from the text in a line about it; texts of the remote side are not looked into.
enum PostfixVerdict {
    /// The certificate is not what the security level asked for.
    case certificateRefused
    /// The sender asked for REQUIRETLS, and no server has such a certificate.
    /// - Parameter server: the last one, as a text names it.
    case certificateLacking(PostfixFailure, server: SyslogOctets)
    /// The same as `certificateRefused` by Postfix 3.4 and 3.5, which tell an issuer that is not trusted from a name that does not match.
    case issuerRefused
    /// TLS is required, and this peer does not give it.
    case noSTARTTLS(peer: SyslogOctets)
    case noHandshake
    /// The peer and we got beyond the point where TLS begins.
    case conversed(peer: SyslogOctets)
    /// The connection is gone, so that more mail for the peer takes a new one. Postfix tries without TLS where TLS stood, its
    /// level allows plain text, and the mail has waited for minimal_backoff_time.
    /// - Parameter conversed: whether peer and we had got beyond the point where TLS begins.
    case broken(peer: SyslogOctets, conversed: Bool)
    /// No session, or none whose TLS could be told: a local fault, no connection, a greeting of 421.
    case nothing

    init(_ text: SyslogOctets) {
        var rest = text
        if rest.hasPrefix("Server certificate not verified") {
            self = .certificateRefused
        } else if rest.hasPrefix("Server certificate not trusted") {
            self = .issuerRefused
        } else if rest.hasPrefix("Cannot start TLS: handshake failure") {
            self = .noHandshake
        } else if rest.skip("Sender requested REQUIRETLS, but ") || rest.skip(Self.oldRequirement) {
            self = Self.requirement(rest) ?? .nothing
        } else if rest.skip("TLS is required, but was not offered by host ") {
            self = rest.takePeer().map { .noSTARTTLS(peer: $0) } ?? .nothing
        } else if rest.skip("TLS is required, but host ") {
            guard let peer = rest.takePeer(), rest.skip(" refused to start TLS: ") else {
                self = .nothing
                return
            }
            self = .noSTARTTLS(peer: peer)
        } else {
            self = Self.conversation(text) ?? .nothing
        }
    }

    /// How the non-production branches of 3.11 began what the releases say otherwise.
    private static let oldRequirement: StaticString = "REQUIRETLS Failure: sender requested REQUIRETLS, but "

    /// What Postfix from 3.11 on says where the sender asked for REQUIRETLS. That no server supports it, or that our own
    /// level does not do, says nothing against a server's TLS. - RFC 8689 §4.2.1: Sending with TLS Required.
    private static func requirement(_ text: SyslogOctets) -> PostfixVerdict? {
        var rest = text
        if rest.skip("TLS service was not offered by host ") { return rest.takePeer().map { .noSTARTTLS(peer: $0) } }
        if rest.skip("host ") {
            guard let peer = rest.takePeer(), rest.skip(" refused to start TLS: ") else { return nil }
            return .noSTARTTLS(peer: peer)
        }
        let failure: PostfixFailure
        if rest.skip("no matching ") {
            failure = PostfixFailure(.certificateHostMismatch)
        } else if rest.skip("no trusted ") {
            failure = PostfixFailure(.certificateNotTrusted)
        } else {
            return nil
        }
        guard rest.skip("server certificate was found. The last attempted server was ") else { return nil }
        return .certificateLacking(failure, server: rest)
    }

    /// `host H[A] said: 550 … (in reply to RCPT TO command)`, `lost connection with H[A] while sending …`.
    ///
    /// STARTTLS comes after EHLO and before MAIL: what fails earlier says nothing about TLS.
    private static func conversation(_ text: SyslogOctets) -> PostfixVerdict? {
        var rest = text
        if rest.skip("host ") {
            guard let peer = rest.takePeer(), rest.skip(" said: ") else { return nil }
            let early: [StaticString] = ["EHLO command)", "HELO command)", "STARTTLS command)"]
            guard !early.contains(where: { rest.hasSuffix($0) }) else { return nil }
            return .conversed(peer: peer)
        }
        if rest.skip("lost connection with ") {
            guard let peer = rest.takePeer() else { return nil }
            return .broken(peer: peer, conversed: rest.isPastTLS)
        }
        guard rest.skip("conversation with "), let peer = rest.takePeer(), rest.skip(" timed out") else { return nil }
        return .broken(peer: peer, conversed: rest.isPastTLS)
    }
}

extension SyslogOctets {
    /// Not "receiving the initial server greeting", not "performing the EHLO handshake".
    fileprivate var isPastTLS: Bool { hasPrefix(" while sending ") }
}
