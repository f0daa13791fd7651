// SPDX-License-Identifier: Apache-2.0
import Basics
import COpenSSL
import Glibc

/// Whether a DNS-ID of the certificate covers the name; the common name never does, `*` stands for one whole
/// left-most label. False also for what is no certificate.
///
/// - RFC 8461 §4.2: Recipient MTA Certificate Validation.
/// - RFC 6125 §6.4: Matching the DNS Domain Name Portion.
package func certificate(der: [UInt8], identifies name: DomainName) -> Bool {
    let parsed = der.withUnsafeBufferPointer { buffer in
        var cursor = buffer.baseAddress
        return d2i_X509(nil, &cursor, buffer.count)
    }
    defer { X509_free(parsed) }
    ERR_clear_error()
    guard let parsed else { return false }
    return certificate(parsed, identifies: name)
}

/// - Parameter certificate: an `X509` that the caller keeps.
func certificate(
    _ certificate: OpaquePointer, identifies name: DomainName, _ flags: UInt32 = hostCheckFlags
) -> Bool {
    X509_check_host(certificate, name.ascii, name.ascii.utf8.count, flags, nil) == 1
}

/// A common name counts where the certificate has no DNS-ID at all. - RFC 7672 §3.2.3: Reference Identifier Matching.
let daneHostCheckFlags = UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
/// A common name never counts. - RFC 8461 §4.2: Recipient MTA Certificate Validation.
let hostCheckFlags = UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)

extension CertificateSummary {
    /// - Parameter certificate: an `X509` that the caller keeps.
    init(_ certificate: OpaquePointer) {
        subject = Self.text(of: X509_get_subject_name(certificate))
        issuer = Self.text(of: X509_get_issuer_name(certificate))
        notBefore = Self.time(X509_get0_notBefore(certificate))
        notAfter = Self.time(X509_get0_notAfter(certificate))
        names = Self.names(of: certificate)
        ERR_clear_error()
    }

    private static func text(of name: OpaquePointer?) -> String {
        var line = [CChar](repeating: 0, count: 512)
        guard X509_NAME_oneline(name, &line, Int32(line.count)) != nil else { return "" }
        return printable(String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> UTCTime? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return UTCTime(secondsSinceEpoch: Int64(timegm(&parts)))
    }

    private static func names(of certificate: OpaquePointer) -> [String] {
        guard let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(list)
        defer { GENERAL_NAMES_free(names) }
        var found: [String] = []
        for index in 0..<max(0, COpenSSL_name_count(names)) where found.count < maxNames {
            var data: UnsafePointer<UInt8>?
            let length = COpenSSL_dns_name(names, index, &data)
            guard length >= 0, let data else { continue }
            found.append(
                printable(String(decoding: UnsafeBufferPointer(start: data, count: Int(length)), as: UTF8.self)))
        }
        return found
    }
}
