// SPDX-License-Identifier: Apache-2.0
import Basics
import COpenSSL

/// Collects what OpenSSL finds wrong with a chain while it goes on to the end of it.
final class VerificationLog {
    private(set) var problems: [VerificationProblem] = []

    /// Each error once, though a long chain can have it at every depth.
    func add(_ code: Int32) {
        guard code != X509_V_OK, !problems.contains(where: { $0.code == code }) else { return }
        let text = X509_verify_cert_error_string(Int(code)).map { printable(String(cString: $0)) }
        problems.append(VerificationProblem(kind: Self.kind(code), code: code, text: text ?? "error \(code)"))
    }

    private static func kind(_ code: Int32) -> VerificationProblem.Kind {
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED: .expired
        case X509_V_ERR_HOSTNAME_MISMATCH: .hostMismatch
        case X509_V_ERR_DANE_NO_MATCH: .daneMismatch
        case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK: .tooWeak
        default: .untrusted
        }
    }

    /// Has OpenSSL tell this log instead of ending the handshake; the log must live as long as `ssl`.
    func attach(to ssl: OpaquePointer) {
        // Index 0 is what <openssl/ssl.h> calls the application's data.
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_verify(ssl, SSL_VERIFY_PEER) { isFine, store in
            guard isFine == 0, let store else { return 1 }
            guard let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
                let log = SSL_get_ex_data(OpaquePointer(ssl), 0)
            else { return 0 }
            Unmanaged<VerificationLog>.fromOpaque(log).takeUnretainedValue().add(X509_STORE_CTX_get_error(store))
            return 1
        }
    }
}
