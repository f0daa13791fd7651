// SPDX-License-Identifier: Apache-2.0
import Basics
import Courier
import Foundation
import LabKit
import Mail
import TestKit

/// A key made by the openssl command, and the record that the command's output gives, not ours.
struct SigningKey {
    static let kinds: [(String, [String])] = [
        ("rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed25519", ["ED25519"]),
    ]

    let settings: DKIMSettings
    let record: String
    private let files: TemporaryDirectory

    /// - Parameter domain: nil leaves it to the report.
    init(_ kind: String, selector: String, domain: String? = nil) throws {
        files = try TemporaryDirectory("sts-dkim")
        let path = files.path + "/key.pem"
        let arguments = Self.kinds.first { $0.0 == kind }?.1 ?? []
        try Command.check(["openssl", "genpkey", "-out", path, "-algorithm"] + arguments)
        try Command.check(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER", "-out", path + ".der"])
        let der = try Data(contentsOf: URL(fileURLWithPath: path + ".der"))
        // An Ed25519 key ends its wrapping.
        let key = kind == "rsa" ? der : der.suffix(32)
        record = "v=DKIM1; k=\(kind); s=tlsrpt; p=\(key.base64EncodedString())"
        settings = DKIMSettings(domain: try domain.map { try DomainName($0) }, selector: selector, keyFile: path)
    }
}
