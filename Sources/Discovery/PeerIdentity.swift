// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import SMTP
import NIOCore
import NIOSSL

/// Why a connection whose certificate chain is good must not be used.
enum PeerIdentityError: Error, Sendable {
    /// No DNS-ID of the certificate matches.
    case notIdentified
}

/// Compares the certificate of a fresh connection with the policy host's name.
///
/// NIOSSL takes the common name of a certificate without a subjectAltName, which RFC 8461 does not allow.
/// - RFC 8461 §3.3: the certificate MUST have a DNS-ID that matches. - RFC 6125 §6.4.4: Checking of Common Names.
enum PeerIdentity {
    /// Fails the connection before anything is sent on it. Must run on the channel's event loop and complete at once:
    /// a connection that ends meanwhile would find the client's pool in the wrong state.
    static func check(of channel: any Channel, against host: DomainName, _ progress: FetchProgress) -> EventLoopFuture<
        Void
    > {
        do {
            guard let certificate = try channel.pipeline.syncOperations.nioSSL_peerCertificate(),
                SMTP.certificate(der: try certificate.toDERBytes(), identifies: host)
            else { throw PeerIdentityError.notIdentified }
            try InterimAnswers.bound(channel)
            progress.enter(.awaitingAnswer(host))
            return channel.eventLoop.makeSucceededVoidFuture()
        } catch {
            // The client forgets a connection that fails here without closing it; it must have done so before the close.
            channel.eventLoop.execute { channel.close(promise: nil) }
            return channel.eventLoop.makeFailedFuture(error)
        }
    }
}
