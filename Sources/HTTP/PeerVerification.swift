// SPDX-License-Identifier: Apache-2.0
import Basics
import CCurl
import COpenSSL
import TLS

/// Puts the judgement of a host into the TLS context that libcurl has made for a connection.
///
/// libcurl itself verifies nothing: by version it fills the store with authorities of its own choice, and it knows the
/// common name. So its options for that are off, and OpenSSL asks us. A transfer takes no response over a connection whose
/// context has not been here.
final class PeerVerification {
    /// Where a context keeps its verification, for as long as it lives: by version, libcurl ends a connection later than
    /// the transfer.
    private static let place = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nil, nil, nil) {
        _, kept, _, _, _, _ in
        if let kept { Unmanaged<PeerVerification>.fromOpaque(kept).release() }
    }

    private let trust: TLSContext?
    private let host: DomainName?
    /// Whether the connection's context has our rules.
    private(set) var isInPlace = false
    /// Why the host was refused.
    private(set) var problem: CertificateProblem?
    /// When the certificate of the host ends.
    private(set) var certificateEnd: UTCTime?
    /// Whether the host has said that it sends nothing more: without that, anybody may have cut the connection.
    private(set) var hasSaidGoodbye = false
    /// Octets that came over all connections so far, those of TLS included.
    private(set) var receivedOctets = 0
    /// Records of TLS so far, in either direction: as long as the number stays, nothing has moved.
    private(set) var records = 0

    init(trust: TLSContext?, host: DomainName?) {
        self.trust = trust
        self.host = host
    }

    /// To be called before each connection: what was seen of the one before says nothing of it.
    func beginConnection() { (isInPlace, hasSaidGoodbye) = (false, false) }

    func prepare(_ context: OpaquePointer) -> Bool {
        let kept = Unmanaged.passRetained(self)
        guard SSL_CTX_set_ex_data(context, Self.place, kept.toOpaque()) == 1 else {
            kept.release()
            return false
        }
        _ = COpenSSL_set_client_options(context)
        listen(context)
        guard let trust else {
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
            isInPlace = true
            return true
        }
        guard host != nil else { return false }
        trust.lendAuthorities(to: context)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        SSL_CTX_set_cert_verify_callback(
            context,
            { chain, owner in
                guard let chain, let owner else { return 0 }
                return Unmanaged<PeerVerification>.fromOpaque(owner).takeUnretainedValue().judge(chain) ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
        isInPlace = true
        return true
    }

    private func listen(_ context: OpaquePointer) {
        SSL_CTX_set_msg_callback(context) { isOurs, _, type, octets, count, _, owner in
            guard let owner else { return }
            let octets = UnsafeRawBufferPointer(start: octets, count: count)
            Unmanaged<PeerVerification>.fromOpaque(owner).takeUnretainedValue().note(type, octets, isOurs: isOurs != 0)
        }
        // A macro in <openssl/ssl.h>.
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Counts records by their heads, and hears the host's goodbye: by version, libcurl takes a connection that was cut
    /// for one that was ended. - RFC 8446 §5.1: Record Layer. - §6.1: Closure Alerts.
    private func note(_ type: Int32, _ octets: UnsafeRawBufferPointer, isOurs: Bool) {
        switch type {
        case SSL3_RT_HEADER where octets.count == Int(SSL3_RT_HEADER_LENGTH):
            records += 1
            if !isOurs { receivedOctets += octets.count + Int(octets[3]) << 8 + Int(octets[4]) }
        case SSL3_RT_ALERT where octets.count == 2 && !isOurs:
            if octets[1] == UInt8(SSL_AD_CLOSE_NOTIFY) { hasSaidGoodbye = true }
        default: break
        }
    }

    private func judge(_ chain: OpaquePointer) -> Bool {
        guard let host else { return false }
        certificateEnd = CertificateProblem.end(ofLeafIn: chain)
        problem = CertificateProblem.verify(chain, for: host)
        return problem == nil
    }
}
