// SPDX-License-Identifier: Apache-2.0
import Basics
import COpenSSL

/// One TLS connection in memory: octets in, octets out, no socket; the owner carries them.
///
/// Not on the socket itself, because OpenSSL writes to sockets in a way that raises SIGPIPE.
package final class TLSLayer {
    package enum Step: Equatable {
        case done
        case wantsInput
        /// The peer said goodbye.
        case ended
        case failed(String)
    }

    /// Octets that one step may decrypt: bounds what the owner has to hold.
    private static let clearBytes = 16_384

    private let context: TLSContext
    private let options: TLSOptions
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let log = VerificationLog()
    private let usableRecords: Int
    private var clear: [UInt8] = []

    package init(_ context: TLSContext, _ options: TLSOptions) throws(TLSSetupError) {
        self.context = context
        self.options = options
        let base = options.tlsaBase ?? options.serverName
        var ssl = try Self.make(context, options, naming: options.tlsa.isEmpty ? options.serverName : base)
        let usable = options.tlsa.isEmpty ? 0 : Self.addDANE(options, below: base, to: ssl)
        if usable == 0, !options.tlsa.isEmpty {
            // A connection set up for DANE without records would check names in the chain.
            SSL_free(ssl)
            ssl = try Self.make(context, options, naming: options.serverName)
        }
        usableRecords = usable
        guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw TLSSetupError(text: "out of memory")
        }
        (self.ssl, self.input, self.output) = (ssl, input, output)
        SSL_set_bio(ssl, input, output)
        SSL_set_connect_state(ssl)
        log.attach(to: ssl)
    }

    deinit { SSL_free(ssl) }

    private static func make(
        _ context: TLSContext, _ options: TLSOptions, naming name: DomainName
    ) throws(TLSSetupError) -> OpaquePointer {
        guard let ssl = SSL_new(context.raw) else { throw TLSSetupError(text: lastTLSError()) }
        if let level = options.securityLevel { SSL_set_security_level(ssl, Int32(clamping: level)) }
        // - RFC 8461 §7.1: SNI Support.
        guard COpenSSL_set_host_name(ssl, name.ascii) == 1 else {
            SSL_free(ssl)
            throw TLSSetupError(text: lastTLSError())
        }
        return ssl
    }

    /// How many of the records can be used. - RFC 7672 §3.1.3: Certificate Usages PKIX-TA(0) and PKIX-EE(1).
    private static func addDANE(_ options: TLSOptions, below base: DomainName, to ssl: OpaquePointer) -> Int {
        defer { ERR_clear_error() }
        guard SSL_dane_enable(ssl, base.ascii) == 1 else { return 0 }
        SSL_set_hostflags(ssl, daneHostCheckFlags)
        for name in options.moreDANENames + [options.nextHop].compactMap(\.self) { SSL_add1_host(ssl, name.ascii) }
        return options.tlsa.count { $0.add(to: ssl) }
    }

    package func handshake() -> Step {
        ERR_clear_error()
        return step(after: SSL_do_handshake(ssl))
    }

    /// Decrypts what has come; `takeClear` has it.
    package func read() -> Step {
        ERR_clear_error()
        var chunk = [UInt8](repeating: 0, count: Self.clearBytes)
        let count = SSL_read(ssl, &chunk, Int32(chunk.count))
        if count > 0 { clear += chunk.prefix(Int(count)) }
        return step(after: count)
    }

    package func write(_ bytes: [UInt8]) -> Step {
        ERR_clear_error()
        guard !bytes.isEmpty else { return .done }
        return step(after: SSL_write(ssl, bytes, Int32(clamping: bytes.count)))
    }

    package func shutdown() -> Step {
        ERR_clear_error()
        return step(after: SSL_shutdown(ssl))
    }

    package func feed(_ bytes: [UInt8]) { BIO_write(input, bytes, Int32(clamping: bytes.count)) }

    package func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
        guard !bytes.isEmpty else { return [] }
        let count = BIO_read(output, &bytes, Int32(clamping: bytes.count))
        return Array(bytes.prefix(max(0, Int(count))))
    }

    package func takeClear() -> [UInt8] {
        defer { clear = [] }
        return clear
    }

    private func step(after result: Int32) -> Step {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_NONE: return .done
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsInput
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed(failureText())
        }
    }

    /// What OpenSSL calls it when a peer is weaker than the security level asks.
    private static let weaknesses: Set<Int32> = [
        SSL_R_DH_KEY_TOO_SMALL, SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK,
        SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_WRONG_SIGNATURE_TYPE, SSL_R_WRONG_CURVE,
    ]

    /// An MTA at another level may come to another end: then the text names the setting.
    private func failureText() -> String {
        let reason = ERR_GET_REASON(ERR_peek_last_error())
        let text = lastTLSError()
        guard let level = options.securityLevel, Self.weaknesses.contains(reason) else { return text }
        return text + Self.weakness(at: level)
    }

    /// Ends the sentence about a peer that a lower level would take.
    package static func weakness(at level: Int) -> String { ", too weak for tls.security_level = \(level)" }
}

extension TLSLayer {
    /// What came of the handshake, once it is done.
    package func session() -> TLSSession {
        let peer = SSL_get1_peer_certificate(ssl)
        defer { X509_free(peer) }
        let dane = daneResult()
        if let peer, dane != .matched { checkDates(of: peer) }
        return TLSSession(
            version: SSL_get_version(ssl).map { String(cString: $0) } ?? "",
            cipher: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "",
            certificate: peer.map(CertificateSummary.init) ?? .none, problems: log.problems,
            nameMatches: peer.map { certificate($0, identifies: options.serverName) } ?? false, dane: dane,
            isOfNextHop: peer.map { isOfNextHop($0, dane) } ?? false,
            isExpired: peer.map { X509_cmp_current_time(X509_get0_notAfter($0)) < 0 } ?? false)
    }

    private func daneResult() -> TLSSession.DANE {
        if options.tlsa.isEmpty { return .notAsked }
        if usableRecords == 0 { return .unusable }
        return log.problems.isEmpty && SSL_get0_dane_authority(ssl, nil, nil) >= 0 ? .matched : .mismatched
    }

    /// Whether the next-hop domain decided by its name: another one could come to another end.
    private func isOfNextHop(_ peer: OpaquePointer, _ dane: TLSSession.DANE) -> Bool {
        guard options.nextHop != nil else { return false }
        switch dane {
        case .notAsked, .unusable: return false
        case .mismatched: return log.problems.contains { $0.kind == .hostMismatch }
        case .matched:
            var usage: UInt8 = 0
            guard SSL_get0_dane_tlsa(ssl, &usage, nil, nil, nil, nil) >= 0, usage == 2 else { return false }
            let names = [options.tlsaBase ?? options.serverName] + options.moreDANENames
            return !names.contains { certificate(peer, identifies: $0, daneHostCheckFlags) }
        }
    }

    /// A chain without a known issuer ends OpenSSL's search before it looks at dates.
    private func checkDates(of peer: OpaquePointer) {
        if X509_cmp_current_time(X509_get0_notAfter(peer)) < 0 { log.add(X509_V_ERR_CERT_HAS_EXPIRED) }
        if X509_cmp_current_time(X509_get0_notBefore(peer)) > 0 { log.add(X509_V_ERR_CERT_NOT_YET_VALID) }
    }
}

extension CertificateSummary {
    /// A peer without a certificate, which no cipher allowed here permits.
    fileprivate static let none = CertificateSummary(subject: "", issuer: "", notBefore: nil, notAfter: nil, names: [])
}
