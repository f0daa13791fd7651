// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import NIOSSL

/// The authorities that a policy host's certificate must descend from, read once and shared by all fetches.
struct TrustRoots: Sendable {
    /// Where distributions keep the system's authorities in one file.
    private static let systemFiles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]

    let roots: NIOSSLTrustRoots

    /// Reads `caFile`, or the system's authorities when it is nil.
    init(caFile: String?) throws(DiscoverySetupError) {
        if let caFile {
            roots = .certificates(try Self.certificates(in: caFile))
        } else if let file = Self.systemFiles.first(where: { access($0, R_OK) == 0 }) {
            roots = .certificates(try Self.certificates(in: file))
        } else {
            roots = .default
        }
    }

    private static func certificates(in path: String) throws(DiscoverySetupError) -> [NIOSSLCertificate] {
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMFile(path)
        } catch {
            throw .unreadableCAFile(path, reason: printable("\(error)"))
        }
        guard !certificates.isEmpty else { throw .emptyCAFile(path) }
        return certificates
    }
}
