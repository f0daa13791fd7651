// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

/// A key of its own, made by gpg, that signs lists.
final class Signer: Sendable {
    private let directory: TemporaryDirectory
    private let home: String
    /// The public key as gpgv takes it.
    let keyring: String
    let fingerprint: String

    init() throws {
        directory = try TemporaryDirectory("sts-gpg")
        home = try directory.makeDirectory("home", mode: 0o700)
        keyring = directory.path + "/keyring.gpg"
        fingerprint = try Self.makeKey(home, keyring)
    }

    private static func makeKey(_ home: String, _ keyring: String) throws -> String {
        // Older than any signature that a test makes.
        try gpg(
            home, "--faked-system-time", "20200101T000000!", "--passphrase", "", "--quick-generate-key",
            "list@example.org", "ed25519", "sign",
            "never")
        try gpg(home, "--output", keyring, "--export")
        let listing = try gpg(home, "--with-colons", "--list-keys")
        let line = listing.split(separator: "\n").first { $0.hasPrefix("fpr:") }
        return line.map { String($0.split(separator: ":", omittingEmptySubsequences: false)[9]) } ?? ""
    }

    deinit { _ = try? Command.run(["gpgconf", "--homedir", home, "--kill", "all"]) }

    @discardableResult
    private static func gpg(_ home: String, _ arguments: String...) throws -> String {
        try Command.check(["gpg", "--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback"] + arguments)
    }

    /// The armoured signature of a text.
    /// - Parameters:
    ///   - time: when it is made, seconds since 1970; now without it.
    ///   - expires: days after which it expires.
    func sign(_ text: String, at time: Int64? = nil, expires: Int? = nil) throws -> [UInt8] {
        let file = try directory.write("text-\(UUID().uuidString)", text)
        var options = ["--armor", "--detach-sign", file]
        if let time { options = ["--faked-system-time", "\(time)!", "--ignore-time-conflict"] + options }
        if let expires { options = ["--default-sig-expire", "\(expires)"] + options }
        try Command.check(
            ["gpg", "--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback"] + options)
        return Array(FileManager.default.contents(atPath: file + ".asc") ?? Data())
    }

    /// Revokes the key and writes the key ring anew.
    func revoke() throws {
        let certificate = try String(
            contentsOfFile: home + "/openpgp-revocs.d/\(fingerprint).rev", encoding: .utf8
        ).replacingOccurrences(of: ":-----BEGIN", with: "-----BEGIN")
        try Self.gpg(home, "--import", try directory.write("revocation", certificate))
        try Self.gpg(home, "--output", keyring, "--export")
    }
}
