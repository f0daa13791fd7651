// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Events
import Glibc

/// Whether certificates can be verified by the authorities in a file or a folder, as OpenSSL takes them for an MTA: each
/// chain must end at a root that is there, and valid today.
package enum AuthorityFinding: Sendable, Hashable, CustomStringConvertible {
    case usable
    /// Nobody finds it, or it cannot be read; the text says why.
    case unreadable(String)
    /// Not for us to read; the MTA, which begins as root, may.
    case denied
    case noCertificate
    /// A folder without names such as `1234abcd.0`, by which OpenSSL looks authorities up.
    case noHashedName
    /// Certificates of hosts only.
    case noAuthority
    /// Authorities only that others have issued.
    case noRoot
    case expired

    /// Most certificates of a folder that are looked at.
    private static let maxFolderFiles = 10_000

    /// Reads a file in PEM form.
    package init(file path: String) {
        if let obstacle = Self.obstacle(to: path) {
            self = obstacle
            return
        }
        defer { ERR_clear_error() }
        let store = X509_STORE_new()
        defer { X509_STORE_free(store) }
        guard X509_STORE_load_file(store, path) == 1, let all = X509_STORE_get1_all_certs(store) else {
            self = .noCertificate
            return
        }
        defer { COpenSSL_free_certificates(all) }
        self = Self.best((0..<COpenSSL_certificate_count(all)).compactMap { COpenSSL_certificate(all, $0) })
    }

    /// Reads the files of a folder that are named by their hash.
    package init(folder path: String) {
        if let obstacle = Self.obstacle(to: path) {
            self = obstacle
            return
        }
        guard let folder = opendir(path) else {
            self = .unreadable(SystemError.text(of: errno))
            return
        }
        defer { closedir(folder) }
        var best: AuthorityFinding?
        var files = 0
        while best != .usable, files < Self.maxFolderFiles, let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            guard Self.isHash(name) else { continue }
            files += 1
            best = Self.better(best, AuthorityFinding(file: path + "/" + name))
        }
        self = best ?? .noHashedName
    }

    /// Completes a sentence about the place.
    package var description: String {
        switch self {
        case .usable: "verifies certificates"
        case .unreadable(let why): "cannot be read: \(why)"
        case .denied: "cannot be read by this user"
        case .noCertificate: "holds no certificate in PEM form"
        case .noHashedName: "has no file named by its hash (openssl rehash)"
        case .noAuthority: "holds no certificate of an authority (CA:TRUE), only of hosts"
        case .noRoot: "holds no root, only authorities that others have issued"
        case .expired: "holds no root that is valid today"
        }
    }

    private static func obstacle(to path: String) -> AuthorityFinding? {
        guard access(path, R_OK) != 0 else { return nil }
        let code = errno
        return code == EACCES && geteuid() != 0 ? .denied : .unreadable(SystemError.text(of: code))
    }

    /// `1234abcd.0`.
    private static func isHash(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts[0].utf8.count == 8 && parts[0].allSatisfy(\.isHexDigit)
            && !parts[1].isEmpty && parts[1].allSatisfy(\.isWholeNumber)
    }

    /// - Parameter certificates: each an `X509` that the caller keeps.
    private static func best(_ certificates: [OpaquePointer]) -> AuthorityFinding {
        certificates.reduce(nil) { better($0, finding(of: $1)) } ?? .noCertificate
    }

    private static func finding(of certificate: OpaquePointer) -> AuthorityFinding {
        guard X509_check_ca(certificate) != 0 else { return .noAuthority }
        guard X509_check_issued(certificate, certificate) == X509_V_OK else { return .noRoot }
        let isCurrent =
            X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0
            && X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0
        return isCurrent ? .usable : .expired
    }

    /// The one of two that is nearer to what is wanted.
    private static func better(_ left: AuthorityFinding?, _ right: AuthorityFinding) -> AuthorityFinding {
        guard let left else { return right }
        return left.rank < right.rank ? right : left
    }

    private var rank: Int {
        switch self {
        case .unreadable, .denied: 0
        case .noHashedName: 1
        case .noCertificate: 2
        case .noAuthority: 3
        case .noRoot: 4
        case .expired: 5
        case .usable: 6
        }
    }
}
