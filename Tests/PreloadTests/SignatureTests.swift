// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Preload
import Testing
import TestKit

// Serialized: each key costs an agent of its own.
@Suite("A list counts only under a good signature by a key of the key ring", .serialized)
struct SignatureTests {
    private let directory: TemporaryDirectory
    private let signer: Signer

    init() throws {
        directory = try TemporaryDirectory("sts-signature")
        signer = try Signer()
    }

    private func failure(_ text: String, _ signature: [UInt8], keyring: String? = nil, program: String? = nil) async
        -> SignatureError?
    {
        let checker =
            program.map { SignatureChecker(keyring: keyring ?? signer.keyring, program: $0) }
            ?? SignatureChecker(keyring: keyring ?? signer.keyring)
        do throws(SignatureError) {
            _ = try await checker.check(Array(text.utf8), signature: signature, scratch: directory.path)
            return nil
        } catch { return error }
    }

    @Test("a good one gives its time and its key, and leaves nothing behind")
    func good() async throws {
        let time = Int64(Date().timeIntervalSince1970) - 5
        let signature = try signer.sign("the list", at: time)
        let good = try await SignatureChecker(keyring: signer.keyring)
            .check(Array("the list".utf8), signature: signature, scratch: directory.path)
        #expect(good.madeAt == UTCTime(secondsSinceEpoch: time))
        #expect(good.fingerprint == signer.fingerprint)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    @Test("of another text, by another key, revoked, expired or none at all it does not count")
    func bad() async throws {
        let signature = try signer.sign("the list")
        #expect(await failure("the list.", signature) == .bad)
        #expect(await failure("the list", []) != nil)
        #expect(await failure("the list", Array("no signature".utf8)) != nil)
        #expect(await failure("the list", Array(signature.prefix(100))) != nil)
        let other = try Signer()
        guard case .unknownKey = await failure("the list", try other.sign("the list")) else {
            Issue.record("another key was taken")
            return
        }
        let longAgo = Int64(Date().timeIntervalSince1970) - 10 * 86_400
        let expired = try signer.sign("the list", at: longAgo, expires: 2)
        #expect(await failure("the list", expired) == .expired)
        try signer.revoke()
        #expect(await failure("the list", signature) == .keyRevoked)
    }

    @Test("two signatures: one good one is enough beside a key that is unknown, but not beside a bad one")
    func two() async throws {
        let other = try Signer()
        let mine = try dearmoured(signer.sign("the list"))
        #expect(await failure("the list", mine + (try dearmoured(other.sign("the list")))) == nil)
        #expect(await failure("the list", (try dearmoured(other.sign("the list"))) + mine) == nil)
        #expect(await failure("the list", mine + (try dearmoured(signer.sign("another list")))) != nil)
    }

    private func dearmoured(_ signature: [UInt8]) throws -> [UInt8] {
        let path = directory.path + "/armoured"
        try Data(signature).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Command.check(["gpg", "--batch", "--yes", "--output", path + ".bin", "--dearmor", path])
        defer { try? FileManager.default.removeItem(atPath: path + ".bin") }
        return Array(FileManager.default.contents(atPath: path + ".bin") ?? Data())
    }

    @Test("a status line in a user's name or in the text of errors is none")
    func forgedStatus() async throws {
        let fake = try directory.write(
            "fake", "#!/bin/sh\necho '[GNUPG:] GOODSIG 1 x' >&2\necho '[GNUPG:] VALIDSIG F 2026-01-01 1' >&2\n",
            mode: 0o755)
        #expect(await failure("the list", [], program: fake) != nil)
        let only = try directory.write("only", "#!/bin/sh\necho '[GNUPG:] VALIDSIG F 2026-01-01 1'\n", mode: 0o755)
        #expect(await failure("the list", [], program: only) != nil)
    }

    @Test("what cannot be checked says what is missing")
    func cannotCheck() async throws {
        let signature = try signer.sign("the list")
        let noRing = try #require(await failure("the list", signature, keyring: directory.path + "/none"))
        #expect(noRing.description.contains("preload.keyring"))
        let noProgram = try #require(await failure("the list", signature, program: "/nonexistent/gpgv"))
        #expect(noProgram.description.contains("install"))
        let flood = try directory.write("flood", "#!/bin/sh\nexec yes\n", mode: 0o755)
        let flooded = try #require(await failure("the list", signature, program: flood))
        #expect(flooded.description.contains("more than"))
    }
}
