// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// The server's end of one TLS connection in memory: octets in, octets out, by libssl.
final class TLSServerConnection {
    enum Step {
        case done
        case wantsInput
        /// The client said goodbye.
        case ended
        case failed(String)
    }

    /// Octets that one read may decrypt: those of a record.
    private static let clearBytes = 16_384

    private let settings: TLSServerSettings
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    init(_ settings: TLSServerSettings) throws {
        self.settings = settings
        context = try Self.context(settings)
        guard let ssl = SSL_new(context), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            throw LabError("no memory for TLS")
        }
        (self.ssl, self.input, self.output) = (ssl, input, output)
        SSL_set_bio(ssl, input, output)
        SSL_set_accept_state(ssl)
        listenForName()
        offerProtocols()
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    /// Servers are still in the middle of handshakes when the process ends, and OpenSSL is to free nothing under them.
    private static let keepsAllAtExit = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1

    private static func context(_ settings: TLSServerSettings) throws -> OpaquePointer {
        guard keepsAllAtExit else { throw LabError("no OpenSSL: \(reason())") }
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw LabError("no TLS: \(reason())") }
        let (oldest, newest) = (settings.minimumVersion.rawValue, settings.maximumVersion.rawValue)
        // What <openssl/ssl.h> has macros for. Level 0, or versions before 1.2 would have no signature to use.
        guard SSL_CTX_set_cipher_list(context, settings.hasSmallGroup ? "DHE:@SECLEVEL=0" : "ALL:@SECLEVEL=0") == 1,
            !settings.hasSmallGroup || takeSmallGroup(context),
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, oldest, nil) == 1,
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, newest, nil) == 1,
            SSL_CTX_use_certificate_chain_file(context, settings.credential.certificateFile) == 1,
            SSL_CTX_use_PrivateKey_file(context, settings.credential.keyFile, SSL_FILETYPE_PEM) == 1
        else {
            SSL_CTX_free(context)
            throw LabError("no TLS with \(settings.credential.certificateFile): \(reason())")
        }
        return context
    }

    /// The group of 1024 bits. - RFC 5114 §2.1.
    private static func takeSmallGroup(_ context: OpaquePointer) -> Bool {
        guard let making = EVP_PKEY_CTX_new_from_name(nil, "DH", nil) else { return false }
        defer { EVP_PKEY_CTX_free(making) }
        var group: OpaquePointer?
        guard EVP_PKEY_paramgen_init(making) == 1, EVP_PKEY_CTX_ctrl_str(making, "group", "dh_1024_160") == 1,
            EVP_PKEY_paramgen(making, &group) == 1, let group
        else { return false }
        return SSL_CTX_set0_tmp_dh_pkey(context, group) == 1
    }

    private func listenForName() {
        typealias Callback =
            @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32
        let callback: Callback = { ssl, _, owner in
            guard let ssl, let owner else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            let connection = Unmanaged<TLSServerConnection>.fromOpaque(owner).takeUnretainedValue()
            return connection.show(to: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) })
        }
        SSL_CTX_callback_ctrl(
            context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, unsafeBitCast(callback, to: (@convention(c) () -> Void).self))
        SSL_CTX_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    private func show(to name: String?) -> Int32 {
        do {
            guard let other = try settings.choose(name) else { return SSL_TLSEXT_ERR_OK }
            guard SSL_use_certificate_chain_file(ssl, other.certificateFile) == 1,
                SSL_use_PrivateKey_file(ssl, other.keyFile, SSL_FILETYPE_PEM) == 1
            else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            return SSL_TLSEXT_ERR_OK
        } catch {
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
    }

    private func offerProtocols() {
        guard !settings.protocols.isEmpty else { return }
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, length, offer, offerLength, owner in
                guard let chosen, let length, let offer, let owner else { return SSL_TLSEXT_ERR_NOACK }
                let connection = Unmanaged<TLSServerConnection>.fromOpaque(owner).takeUnretainedValue()
                let octets = UnsafeBufferPointer(start: offer, count: Int(offerLength))
                guard let found = connection.protocolRange(in: octets) else { return SSL_TLSEXT_ERR_NOACK }
                chosen.pointee = offer + found.lowerBound
                length.pointee = UInt8(found.count)
                return SSL_TLSEXT_ERR_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Where our best protocol stands in a client's list of octets with their lengths before them.
    private func protocolRange(in offer: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var ranges: [Range<Int>] = []
        var start = 0
        while start < offer.count {
            let range = start + 1..<start + 1 + Int(offer[start])
            guard range.upperBound <= offer.count else { break }
            ranges.append(range)
            start = range.upperBound
        }
        for name in settings.protocols {
            if let range = ranges.first(where: { offer[$0].elementsEqual(name.utf8) }) { return range }
        }
        return nil
    }
}

extension TLSServerConnection {
    func handshake() -> Step {
        ERR_clear_error()
        return step(after: SSL_do_handshake(ssl))
    }

    /// Decrypts what has come, and appends it.
    func read(into clear: inout [UInt8]) -> Step {
        ERR_clear_error()
        var chunk = [UInt8](repeating: 0, count: Self.clearBytes)
        let count = SSL_read(ssl, &chunk, Int32(chunk.count))
        if count > 0 { clear += chunk.prefix(Int(count)) }
        return step(after: count)
    }

    func write(_ bytes: [UInt8]) -> Step {
        ERR_clear_error()
        return step(after: SSL_write(ssl, bytes, Int32(clamping: bytes.count)))
    }

    /// Says goodbye.
    func shutdown() {
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    func feed(_ bytes: [UInt8]) { BIO_write(input, bytes, Int32(clamping: bytes.count)) }

    func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
        guard !bytes.isEmpty else { return [] }
        let count = BIO_read(output, &bytes, Int32(clamping: bytes.count))
        return Array(bytes.prefix(max(0, Int(count))))
    }

    private func step(after result: Int32) -> Step {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_NONE: .done
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .wantsInput
        case SSL_ERROR_ZERO_RETURN: .ended
        default: .failed(Self.reason())
        }
    }

    private static func reason() -> String {
        ERR_reason_error_string(ERR_peek_last_error()).map { String(cString: $0) } ?? "no reason given"
    }
}
