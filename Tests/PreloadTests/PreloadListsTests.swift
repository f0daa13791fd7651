// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import LabKit
import Logging
import MTASTS
import Preload
import TestKit
import Testing

@Suite("PreloadLists: the newest signed list is held, whatever goes wrong with another", .serialized)
struct PreloadListsTests {
    /// A web server as a table.
    private final class Web: DocumentSource {
        let documents = Locked<[String: [UInt8]]>([:])
        let questions = Locked(0)

        func document(at url: String, limitBytes: Int) async throws(DocumentError) -> [UInt8] {
            questions.withLock { $0 += 1 }
            guard let bytes = documents.withLock({ $0[url] }) else { throw DocumentError("\(url): HTTP status 404") }
            return bytes
        }
    }

    private let directory: TemporaryDirectory
    private let signer: Signer
    private let clock = TestClock(UTCTime(secondsSinceEpoch: Int64(Date().timeIntervalSince1970)))
    private let web = Web()
    private let domain: DomainName

    init() throws {
        directory = try TemporaryDirectory("sts-preload")
        signer = try Signer()
        domain = try DomainName("example.org")
    }

    private func policyCache() -> PreloadLists {
        PreloadLists(
            directory: directory.path, documents: web, clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, jitter: { 1 })
    }

    private let url = "https://lists.example/policy.json"

    private var settings: PreloadSettings { PreloadSettings(source: .url(url), keyring: signer.keyring) }

    /// Puts a list on the web, made `age` ago.
    private func publish(
        _ mode: String = "enforce", age: Duration = .zero, lifetime: Duration = .seconds(86_400 * 30),
        signedBy other: Signer? = nil, signed: Duration? = nil
    ) throws {
        let made = clock.now - age
        let entry = #""example.org": {"mode": "\#(mode)", "mxs": [".example.org"]}"#
        let text = listText(
            entry, timestamp: "\(made.secondsSinceEpoch)", expires: "\((made + lifetime).secondsSinceEpoch)")
        // gpgv reads the real clock and refuses what was signed in the future.
        let time = min(
            (clock.now - (signed ?? age)).secondsSinceEpoch, Int64(Date().timeIntervalSince1970))
        let signature = try (other ?? signer).sign(text, at: time)
        web.documents.withLock { $0 = [url: Array(text.utf8), url + ".asc": signature] }
    }

    private func mode(_ policyCache: PreloadLists) -> Policy.Mode? {
        policyCache.policy(for: domain, at: clock.now)?.policy.mode
    }

    private func refusal(_ outcome: PreloadLists.Outcome) -> String {
        if case .refused(let text) = outcome { text } else { "\(outcome)" }
    }

    @Test("takes a list when it is due, and looks again after the interval")
    func interval() async throws {
        let policyCache = policyCache()
        try publish()
        await policyCache.apply(settings)
        #expect(mode(policyCache) == nil)
        await policyCache.refreshIfDue()
        #expect(mode(policyCache) == .enforce)
        clock.advance(by: .seconds(86_399))
        await policyCache.refreshIfDue()
        #expect(web.questions.withLock { $0 } == 2)
        clock.advance(by: .seconds(1))
        await policyCache.refreshIfDue()
        #expect(web.questions.withLock { $0 } == 4)
        #expect(await policyCache.refresh() == .unchanged)
    }

    @Test("keeps the list held when the next one is older, unsigned, of another key, broken, ended or gone")
    func refusals() async throws {
        let policyCache = policyCache()
        try publish(age: .seconds(1000))
        await policyCache.apply(settings)
        #expect(await policyCache.refresh() == .taken)
        try publish("testing", age: .seconds(2000))
        #expect(refusal(await policyCache.refresh()).contains("older than the one held"))
        try publish("testing", age: .seconds(500), signed: .seconds(2000))
        #expect(refusal(await policyCache.refresh()).contains("signed before the one held"))
        try publish("testing", signedBy: try Signer())
        #expect(refusal(await policyCache.refresh()).contains("not in the key ring"))
        try publish("testing")
        web.documents.withLock { $0[url]?.append(0x20) }
        #expect(refusal(await policyCache.refresh()).contains("not of this text"))
        try publish("none")
        #expect(refusal(await policyCache.refresh()).contains("is not enforce or testing"))
        try publish("testing", age: .seconds(900), lifetime: .seconds(100))
        #expect(refusal(await policyCache.refresh()).contains("expired at"))
        try publish("testing", age: .seconds(-2 * 86_400), signed: .zero)
        #expect(refusal(await policyCache.refresh()).contains("lies in the future"))
        web.documents.withLock { $0 = [:] }
        #expect(refusal(await policyCache.refresh()).contains("404"))
        #expect(mode(policyCache) == .enforce)
        try publish("testing")
        #expect(await policyCache.refresh() == .taken)
        #expect(mode(policyCache) == .testing)
    }

    @Test("a restart without the source has the list, and still refuses older ones")
    func restart() async throws {
        let first = policyCache()
        try publish()
        await first.apply(settings)
        #expect(await first.refresh() == .taken)
        web.documents.withLock { $0 = [:] }
        let second = policyCache()
        await second.apply(settings)
        #expect(mode(second) == .enforce)
        try publish("testing", age: .seconds(2000))
        #expect(refusal(await second.refresh()).contains("older"))
        #expect(mode(second) == .enforce)
    }

    @Test("a key that is taken out of the ring takes its list along at a reload; a ring that cannot be read does not")
    func otherKeys() async throws {
        let policyCache = policyCache()
        try publish()
        let ring = directory.path + "/ring.gpg"
        let settings = PreloadSettings(source: .url(url), keyring: ring)
        try FileManager.default.copyItem(atPath: signer.keyring, toPath: ring)
        await policyCache.apply(settings)
        #expect(await policyCache.refresh() == .taken)
        await policyCache.apply(settings)
        #expect(mode(policyCache) == .enforce)
        try FileManager.default.removeItem(atPath: ring)
        await policyCache.apply(settings)
        #expect(mode(policyCache) == .enforce)
        // A file whose reading fails.
        #expect(symlink("/proc/self/mem", ring) == 0)
        await policyCache.apply(settings)
        #expect(mode(policyCache) == .enforce)
        try FileManager.default.removeItem(atPath: ring)
        let other = try Signer()
        try FileManager.default.copyItem(atPath: other.keyring, toPath: ring)
        await policyCache.apply(settings)
        #expect(mode(policyCache) == nil)
    }

    @Test("what is kept is of no use under another key ring, from another source, or once it was changed")
    func kept() async throws {
        let first = policyCache()
        try publish()
        await first.apply(settings)
        #expect(await first.refresh() == .taken)
        let other = try Signer()
        let second = policyCache()
        await second.apply(PreloadSettings(source: .url(url), keyring: other.keyring))
        #expect(mode(second) == nil)
        await second.apply(PreloadSettings(source: .url(url + "x"), keyring: signer.keyring))
        #expect(mode(second) == nil)
        await second.apply(settings)
        #expect(mode(second) == .enforce)
        await second.apply(nil)
        #expect(mode(second) == nil)
        #expect(await second.refresh() == .off)
        let path = directory.path + "/preload.kept"
        var bytes = try #require(FileManager.default.contents(atPath: path))
        bytes[bytes.count - 10] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let third = policyCache()
        await third.apply(settings)
        #expect(mode(third) == nil)
        for damage in [Data(), Data("sts-milter preload 1\n".utf8), bytes.prefix(40)] {
            try damage.write(to: URL(fileURLWithPath: path))
            let fourth = policyCache()
            await fourth.apply(settings)
            #expect(mode(fourth) == nil)
        }
    }

    @Test("ends when it expires, and by nothing else")
    func expiry() async throws {
        let policyCache = policyCache()
        try publish(lifetime: .seconds(7 * 86_400))
        await policyCache.apply(settings)
        #expect(await policyCache.refresh() == .taken)
        web.documents.withLock { $0 = [:] }
        for _ in 0..<6 {
            clock.advance(by: .seconds(86_400))
            await policyCache.refreshIfDue()
            #expect(mode(policyCache) == .enforce)
        }
        clock.advance(by: .seconds(86_400))
        #expect(mode(policyCache) == nil)
    }

    @Test("a file is read at once, and early adopters enforce its testing policies")
    func file() async throws {
        try publish("testing")
        let (text, signature) = web.documents.withLock { ($0[url] ?? [], $0[url + ".asc"] ?? []) }
        let path = directory.path + "/policy.json"
        try Data(text).write(to: URL(fileURLWithPath: path))
        try Data(signature).write(to: URL(fileURLWithPath: directory.path + "/other.asc"))
        let policyCache = policyCache()
        await policyCache.apply(
            PreloadSettings(
                source: .file(path), signature: .file(directory.path + "/other.asc"), keyring: signer.keyring))
        #expect(mode(policyCache) == .testing)
        await policyCache.apply(
            PreloadSettings(
                source: .file(path), signature: .file(directory.path + "/other.asc"), keyring: signer.keyring,
                earlyAdopter: true))
        #expect(mode(policyCache) == .enforce)
        for path in ["/dev/zero", directory.path, directory.path + "/none"] {
            await policyCache.apply(
                PreloadSettings(
                    source: .file(path), signature: .file(directory.path + "/other.asc"), keyring: signer.keyring))
            #expect(mode(policyCache) == nil)
        }
    }

    @Test("a list of our own comes back as it went out")
    func roundTrip() throws {
        let now = clock.now
        func cached(_ domain: String, _ mode: Policy.Mode, _ mx: [String], age: Int64 = 0) throws -> CachedPolicy {
            CachedPolicy(
                domain: try DomainName(domain), id: "1",
                policy: Policy(mode: mode, mx: try mx.map { try MXPattern($0) }, maxAgeSeconds: 86_400, text: ""),
                fetchedAt: now - .seconds(age))
        }
        let (list, skipped) = PreloadList.make(
            of: [
                try cached("b.example", .testing, ["*.b.example"]),
                try cached("a.example", .enforce, ["mx.a.example", "*.a.example", "mx.a.example"]),
                try cached("none.example", .none, []), try cached("old.example", .enforce, ["x.example"], age: 86_400),
                try cached("single.example", .enforce, ["mx"]), try cached("wide.example", .enforce, ["*.com"]),
                try cached("intranet", .enforce, ["mx.example"]),
            ], at: now, lifetime: .seconds(86_400), author: "A \"quoted\" \\ name\u{1}é")
        #expect(skipped.count == 3)
        let read = try PreloadList(Array(list.json.utf8))
        #expect(read == list)
        #expect(read.policies.keys.sorted().map(\.ascii) == ["a.example", "b.example"])
        #expect(read.policies[try DomainName("a.example")]?.mx.map(\.description) == ["mx.a.example", "*.a.example"])
        #expect(
            try PreloadList(Array(PreloadList.make(of: [], at: now, lifetime: .seconds(1), author: nil).list.json.utf8))
                .policies.isEmpty)
    }
}
