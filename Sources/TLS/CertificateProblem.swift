// SPDX-License-Identifier: Apache-2.0
import Basics
import COpenSSL
import Glibc

/// What is wrong with the certificate of a host that must prove its name, such as a policy host.
package enum CertificateProblem: Error, Sendable, Hashable {
    case expired(on: UTCDay, isIntermediate: Bool)
    case notValidBefore(UTCDay, isIntermediate: Bool)
    /// Not issued by an authority that we trust, or not for this use; OpenSSL's words, safe to print.
    case untrusted(String)
    case otherName
    /// The name stands in the common name, which does not count. - RFC 6125 §6.4.4: Checking of Common Names.
    case commonNameOnly

    /// Continues the sentence "certificate of HOST: ".
    package func text(for host: DomainName) -> String {
        switch self {
        case .expired(let day, let isIntermediate): "\(isIntermediate ? "intermediate " : "")expired on \(day)"
        case .notValidBefore(let day, let isIntermediate):
            "\(isIntermediate ? "intermediate " : "")not valid before \(day)"
        case .untrusted(let text): "not issued by a trusted authority for this use (\(text))"
        case .otherName: "does not name \(host)"
        case .commonNameOnly: "does not name \(host) as a DNS name; a common name does not count"
        }
    }

    /// Verifies what a host has presented: the chain by OpenSSL, then the name by the rule for MX hosts.
    ///
    /// - Parameter chain: the `X509_STORE_CTX` of a handshake.
    /// - Returns: nil for a host that has proved its name.
    package static func verify(_ chain: OpaquePointer, for host: DomainName) -> CertificateProblem? {
        defer { ERR_clear_error() }
        guard X509_verify_cert(chain) == 1 else { return reason(chain) }
        guard let leaf = X509_STORE_CTX_get0_cert(chain) else { return .untrusted("no certificate") }
        if certificate(leaf, identifies: host) { return nil }
        X509_STORE_CTX_set_error(chain, X509_V_ERR_HOSTNAME_MISMATCH)
        let withCommonName = UInt32(X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
        let isInCommonName = X509_check_host(leaf, host.ascii, host.ascii.utf8.count, withCommonName, nil) == 1
        return isInCommonName ? .commonNameOnly : .otherName
    }

    /// When the certificate ends that a host has presented.
    /// - Parameter chain: the `X509_STORE_CTX` of a handshake.
    package static func end(ofLeafIn chain: OpaquePointer) -> UTCTime? {
        X509_STORE_CTX_get0_cert(chain).flatMap { CertificateSummary($0).notAfter }
    }

    /// A date that has passed is named whatever else OpenSSL met first: people can mend it.
    private static func reason(_ chain: OpaquePointer) -> CertificateProblem {
        let presented = X509_STORE_CTX_get0_untrusted(chain)
        let now = UTCTime(secondsSinceEpoch: Int64(time(nil)))
        for index in 0..<max(0, COpenSSL_certificate_count(presented)) {
            guard let certificate = COpenSSL_certificate(presented, index) else { continue }
            let summary = CertificateSummary(certificate)
            if let end = summary.notAfter, end < now { return .expired(on: end.day, isIntermediate: index > 0) }
            if let begin = summary.notBefore, now < begin {
                return .notValidBefore(begin.day, isIntermediate: index > 0)
            }
        }
        let code = X509_STORE_CTX_get_error(chain)
        let text = X509_verify_cert_error_string(Int(code)).map { printable(String(cString: $0)) }
        return .untrusted(text ?? "error \(code)")
    }
}

extension TLSContext {
    /// Gives another context the same authorities to trust.
    package func lendAuthorities(to context: OpaquePointer) {
        SSL_CTX_set1_cert_store(context, SSL_CTX_get_cert_store(raw))
    }
}
