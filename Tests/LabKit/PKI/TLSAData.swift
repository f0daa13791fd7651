// SPDX-License-Identifier: Apache-2.0

/// The data of TLSA records for the first certificate of a PEM file. - RFC 6698 §2.1: TLSA RDATA.
package struct TLSAData: Sendable {
    package let certificateFile: String

    package init(_ certificateFile: String) { self.certificateFile = certificateFile }

    /// In hex; an unknown selector takes the key, an unknown matching type SHA-256.
    package func hex(selector: String, matching: String) throws -> String {
        let certificate = "openssl x509 -in '\(certificateFile)'"
        let octets =
            selector == "0"
            ? "\(certificate) -outform DER"
            : "\(certificate) -pubkey -noout | openssl pkey -pubin -outform DER"
        let shown =
            switch matching {
            case "0": "od -An -v -tx1"
            case "2": "openssl dgst -sha512 -r"
            default: "openssl dgst -sha256 -r"
            }
        let text = try Command.check(["sh", "-c", "\(octets) | \(shown)"])
        return String(text.filter { !$0.isWhitespace }.prefix { $0.isHexDigit })
    }
}
