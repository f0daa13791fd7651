// SPDX-License-Identifier: Apache-2.0
import Basics
import COpenSSL
import Events
import Glibc

/// Whom to trust; made once for the settings and shared, since reading a CA bundle takes many milliseconds.
///
/// `@unchecked Sendable`: OpenSSL counts references to `SSL_CTX` atomically and locks its `X509_STORE`; nothing
/// changes the context after `init`.
package final class TLSContext: @unchecked Sendable {
    /// Debian's bundle of trusted CAs; loaded beside OpenSSL's own default places.
    private static let systemBundle = "/etc/ssl/certs/ca-certificates.crt"

    let raw: OpaquePointer

    /// - Parameter caFile: the trusted CAs in PEM form; nil takes the system's.
    package init(caFile: String?) throws(TLSSetupError) {
        guard let raw = SSL_CTX_new(TLS_client_method()) else {
            throw TLSSetupError(text: "cannot start OpenSSL: \(lastTLSError())")
        }
        self.raw = raw
        // From here on a throw runs deinit.
        try configure()
        if let caFile { try load(caFile) } else { try loadSystemTrust() }
    }

    deinit { SSL_CTX_free(raw) }

    /// Those of the records by which a connection can authenticate its peer: as OpenSSL itself says, since it will have
    /// to use them. - RFC 7672 §2.2: TLS Discovery; RFC 6698 §4.1: Determining whether a TLSA RRset can be used.
    package func usable(_ records: [TLSARecord], of host: DomainName) throws(TLSSetupError) -> [TLSARecord] {
        guard let ssl = SSL_new(raw) else { throw TLSSetupError(text: lastTLSError()) }
        defer {
            SSL_free(ssl)
            ERR_clear_error()
        }
        guard SSL_dane_enable(ssl, host.ascii) == 1 else { throw TLSSetupError(text: lastTLSError()) }
        return records.filter { $0.add(to: ssl) }
    }

    private func configure() throws(TLSSetupError) {
        // - RFC 8461 §7.2: Minimum TLS Version Support.
        guard COpenSSL_require_tls12(raw) == 1, SSL_CTX_dane_enable(raw) == 1 else {
            throw TLSSetupError(text: "OpenSSL without TLS 1.2 or DANE: \(lastTLSError())")
        }
        _ = COpenSSL_set_client_options(raw)
        // - RFC 7672 §3.1.1: Certificate Usage DANE-EE(3). The record binds the key, not the names.
        COpenSSL_skip_dane_ee_names(raw)
    }

    private func load(_ path: String) throws(TLSSetupError) {
        guard access(path, R_OK) == 0 else {
            throw TLSSetupError(
                text:
                    "cannot read tls.ca_file \(path): \(SystemError.text(of: errno)); make it readable, or remove the setting"
            )
        }
        guard SSL_CTX_load_verify_file(raw, path) == 1 else {
            throw TLSSetupError(text: "tls.ca_file \(path) holds no certificate in PEM form: \(lastTLSError())")
        }
    }

    private func loadSystemTrust() throws(TLSSetupError) {
        let hasDefaults =
            SSL_CTX_set_default_verify_paths(raw) == 1 && Self.defaultPlaces.contains { access($0, R_OK) == 0 }
        ERR_clear_error()
        let hasBundle = access(Self.systemBundle, R_OK) == 0 && SSL_CTX_load_verify_file(raw, Self.systemBundle) == 1
        // Without any CA every certificate would look like a violation.
        guard hasDefaults || hasBundle else {
            throw TLSSetupError(text: "the system has no trusted CAs; install ca-certificates, or set tls.ca_file")
        }
    }

    private static var defaultPlaces: [String] {
        [getenv("SSL_CERT_FILE").map { String(cString: $0) }, X509_get_default_cert_file().map { String(cString: $0) }]
            .compactMap { $0 }
    }
}

extension TLSARecord {
    /// Gives the record to a connection that does DANE.
    /// - Returns: whether it can be used. - RFC 7672 §3.1.3: Certificate Usages PKIX-TA(0) and PKIX-EE(1).
    func add(to ssl: OpaquePointer) -> Bool {
        guard usage == 2 || usage == 3 else { return false }
        return SSL_dane_tlsa_add(ssl, usage, selector, matchingType, association, association.count) == 1
    }
}

/// Why no TLS context can be made; the text names the cure.
package struct TLSSetupError: Error, Sendable, Equatable, CustomStringConvertible {
    package let text: String
    package var description: String { text }
}

/// OpenSSL's reason for the last failure on this thread, safe to print; forgets it.
func lastTLSError() -> String {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    guard code != 0 else { return "no reason given" }
    guard let reason = ERR_reason_error_string(code) else { return "error \(code)" }
    return printable(String(cString: reason))
}
