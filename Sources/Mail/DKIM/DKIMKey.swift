// SPDX-License-Identifier: Apache-2.0
import Basics
import COpenSSL
import FoundationEssentials
import Glibc

/// A private key for signatures, and the record that publishes its public part.
///
/// `@unchecked Sendable`: OpenSSL counts references to `EVP_PKEY` atomically, and nothing changes the key after `init`.
package final class DKIMKey: @unchecked Sendable {
    package enum Algorithm: String, Sendable {
        case rsa = "rsa-sha256"
        /// - RFC 8463 §3: Ed25519-SHA256 Signing Algorithm.
        case ed25519 = "ed25519-sha256"
    }

    /// - RFC 8301 §3.2: Key Sizes. Signers use 1024 bits at least, and should use 2048.
    private static let leastBits: Int32 = 1024
    private static let goodBits: Int32 = 2048
    /// A key of 16384 bits has some 13,000 octets.
    private static let fileLimitBytes = 65_536

    package let algorithm: Algorithm
    /// What the administrator should know.
    package let warning: String?
    private let raw: OpaquePointer

    package init(file path: String) throws(DKIMSetupError) {
        raw = try Self.parse(try Self.contents(of: path), path)
        let bits = EVP_PKEY_get_bits(raw)
        switch EVP_PKEY_get_base_id(raw) {
        case EVP_PKEY_RSA: algorithm = .rsa
        case EVP_PKEY_ED25519: algorithm = .ed25519
        default:
            warning = nil
            algorithm = .rsa
            throw .dkimKey(path, "is neither RSA nor Ed25519")
        }
        warning =
            algorithm == .rsa && bits < Self.goodBits
            ? "DKIM key \(printable(path)) has \(bits) bits; receivers may ignore it: make one of 2048" : nil
        guard algorithm == .ed25519 || bits >= Self.leastBits else {
            throw .dkimKey(path, "has \(bits) bits; receivers ignore less than \(Self.leastBits): make one of 2048")
        }
    }

    deinit { EVP_PKEY_free(raw) }

    /// What the administrator should know of who can read the key file; nil if all is well or there is no such file.
    package static func exposure(of path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IROTH != 0 else { return nil }
        return "\(printable(path)) can be read by everybody on this host, who can then sign mail in your name: "
            + "make a new key, and chmod 640 it"
    }

    /// The TXT record to publish at `SELECTOR._domainkey.DOMAIN`. - RFC 8460 §3: its service type is `tlsrpt`.
    package var record: String {
        let octets = algorithm == .rsa ? subjectPublicKey : rawPublicKey
        return "v=DKIM1; k=\(algorithm == .rsa ? "rsa" : "ed25519"); s=tlsrpt; p=\(Data(octets).base64EncodedString())"
    }

    /// The signature of the octets; nil only if OpenSSL has run out of memory.
    package func sign(_ octets: [UInt8]) -> [UInt8]? {
        let context = EVP_MD_CTX_new()
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        // - RFC 8463 §3: Ed25519 signs the hash, and knows no other one.
        let octets = algorithm == .rsa ? octets : sha256(octets)
        let digest = algorithm == .rsa ? EVP_sha256() : nil
        var count = Int(EVP_PKEY_get_size(raw))
        var signature = [UInt8](repeating: 0, count: count)
        guard EVP_DigestSignInit(context, nil, digest, nil, raw) == 1,
            EVP_DigestSign(context, &signature, &count, octets, octets.count) == 1
        else { return nil }
        return Array(signature.prefix(count))
    }

    private var subjectPublicKey: [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(raw, &start)
        guard count > 0, let start else { return [] }
        // OPENSSL_free is a macro with file and line.
        defer { CRYPTO_free(start, "", 0) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    /// - RFC 8463 §4.2: Ed25519 public keys are published without a wrapping.
    private var rawPublicKey: [UInt8] {
        var count = 32
        var octets = [UInt8](repeating: 0, count: count)
        return EVP_PKEY_get_raw_public_key(raw, &octets, &count) == 1 ? octets : []
    }

    private static func contents(of path: String) throws(DKIMSetupError) -> [UInt8] {
        do { return try RegularFile.read(path, limitBytes: fileLimitBytes) } catch {
            switch error {
            case .notRegular, .untrusted: throw .dkimKey(path, "is not a file")
            case .tooLong: throw .dkimKey(path, "is too long for a key")
            case .system: throw .dkimKey(path, "cannot be read: \(error)")
            }
        }
    }

    private static func parse(_ octets: [UInt8], _ path: String) throws(DKIMSetupError) -> OpaquePointer {
        defer { ERR_clear_error() }
        let source = BIO_new_mem_buf(octets, Int32(octets.count))
        defer { BIO_free(source) }
        // Without a callback OpenSSL asks for the passphrase on the terminal.
        guard let key = PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in 0 }, nil) else {
            throw .dkimKey(path, "holds no private key in PEM form without a passphrase")
        }
        return key
    }
}

package func sha256(_ octets: [UInt8]) -> [UInt8] {
    var hash = [UInt8](repeating: 0, count: 32)
    EVP_Digest(octets, octets.count, &hash, nil, EVP_sha256(), nil)
    return hash
}
