// SPDX-License-Identifier: Apache-2.0
import Glibc
import LabKit
@testable import Mail
import Testing
import TestKit
@testable import Courier

@Suite("DKIM: keys and canonical forms - RFC 6376, RFC 8463")
struct DKIMTests {
    @Test("a key's record is the one that openssl's public key gives", arguments: SigningKey.kinds.map(\.0))
    func record(_ kind: String) throws {
        let key = try SigningKey(kind, selector: "s1")
        #expect(try DKIMKey(file: key.settings.keyFile).record == key.record)
    }

    static let badKeys: [([String], String)] = [
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "is neither RSA nor Ed25519"),
        (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512"], "has 512 bits; receivers ignore less"),
        (
            ["genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:x"],
            "holds no private key in PEM form without"
        ),
        (["rand", "100"], "holds no private key in PEM form"), (["rand", "70000"], "is too long for a key"),
    ]

    @Test("a key that is of no use is refused with the reason", arguments: badKeys.indices)
    func badKey(_ index: Int) throws {
        let (arguments, reason) = Self.badKeys[index]
        let files = try TemporaryDirectory("sts-dkim")
        let path = files.path + "/key"
        try Command.check(["openssl", arguments[0], "-out", path] + arguments.dropFirst())
        let error = #expect(throws: DKIMSetupError.self) { try DKIMKey(file: path) }
        #expect(error?.description.hasPrefix("DKIM key \(path) \(reason)") == true, "\(error?.description ?? "")")
    }

    @Test("a missing key says so, a short one warns, a bad selector is refused")
    func setup() throws {
        let missing = #expect(throws: DKIMSetupError.self) { try DKIMKey(file: "/nonexistent") }
        #expect(missing?.description == "DKIM key /nonexistent cannot be read: No such file or directory")
        let files = try TemporaryDirectory("sts-dkim")
        let directory = #expect(throws: DKIMSetupError.self) { try DKIMKey(file: files.path) }
        #expect(directory?.description == "DKIM key \(files.path) is not a file")
        let path = files.path + "/key"
        try Command.check(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", path])
        #expect(try DKIMKey(file: path).warning?.contains("has 1024 bits") == true)
        for selector in ["", "a b", "a;b", "a\r\nb", "ä", "a..b"] {
            #expect(throws: DKIMSetupError.dkimSelector(selector)) {
                try DKIMSigner(DKIMSettings(selector: selector, keyFile: path))
            }
        }
    }

    @Test("a key that everybody can read is told of")
    func exposure() throws {
        let files = try TemporaryDirectory("sts-dkim")
        let path = try files.write("key", "secret")
        for (mode, isExposed): (mode_t, Bool) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            #expect(chmod(path, mode) == 0)
            #expect((DKIMKey.exposure(of: path) != nil) == isExposed, "\(String(mode, radix: 8))")
        }
        #expect(DKIMKey.exposure(of: path)?.contains("can be read by everybody") == true)
        #expect(DKIMKey.exposure(of: "/nonexistent") == nil)
    }

    /// The example of RFC 6376 §3.4.5 and its neighbours.
    static let bodies: [(String, String)] = [
        (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"), ("", ""), ("\r\n\r\n", ""), (" \t\r\n", ""),
        ("\r\na\r\n \r\n\r\nb\r\n", "\r\na\r\n\r\n\r\nb\r\n"), ("a  \r\n", "a\r\n"), ("a\r\n\t\r\n", "a\r\n"),
    ]

    @Test("the relaxed body", arguments: bodies)
    func body(_ body: String, _ expected: String) {
        #expect(String(decoding: DKIMCanonical.relaxed(body: Array(body.utf8)), as: UTF8.self) == expected)
    }

    @Test("the relaxed header")
    func header() {
        let field = MailMessage.Field(name: "SubJect", value: " a \t b\r\n\tc ")
        #expect(DKIMCanonical.relaxed(field) == "subject:a b c")
    }
}
