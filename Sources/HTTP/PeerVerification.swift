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
    /// Whether the host has said that it sends nothing more: without that, anybody may have cut the connection.
    private(set) var hasSaidGoodbye = false

    init(trust: TLSContext?, host: DomainName?) {
        self.trust = trust
        self.host = host
    }

    func prepare(_ context: OpaquePointer) -> Bool {
        let kept = Unmanaged.passRetained(self)
        guard SSL_CTX_set_ex_data(context, Self.place, kept.toOpaque()) == 1 else {
            kept.release()
            return false
        }
        _ = COpenSSL_set_client_options(context)
        // It may be the second connection of a transfer.
        hasSaidGoodbye = false
        listenForGoodbye(context)
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

    /// By version, libcurl takes a connection that was cut for one that was ended.
    private func listenForGoodbye(_ context: OpaquePointer) {
        SSL_CTX_set_msg_callback(context) { isOurs, _, type, octets, count, _, owner in
            guard isOurs == 0, type == SSL3_RT_ALERT, count == 2, let octets, let owner,
                octets.load(fromByteOffset: 1, as: UInt8.self) == UInt8(SSL_AD_CLOSE_NOTIFY)
            else { return }
            Unmanaged<PeerVerification>.fromOpaque(owner).takeUnretainedValue().hasSaidGoodbye = true
        }
        // A macro in <openssl/ssl.h>.
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    private func judge(_ chain: OpaquePointer) -> Bool {
        guard let host else { return false }
        problem = CertificateProblem.verify(chain, for: host)
        return problem == nil
    }
}
