// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS
import LabKit
@testable import Settings
import Testing
@testable import Daemon

@Suite("The network behind its adapters")
struct NetworkTests {
    /// Settings by which every question takes as long as it may.
    private func settings(_ resolver: SilentResolver, timeout: String, more: String = "") throws -> Settings {
        try Settings(
            SettingsFile(
                text: """
                    network.helo_name = "mta.lab"
                    dns.forwarder = "\(resolver.address)"
                    dns.trust_anchor = "none"
                    dns.timeout = "\(timeout)"
                    \(more)
                    """, name: "test.toml"))
    }

    @Test("a question is answered by the adapters it was put to, which end when they are replaced and it is answered")
    func exchange() async throws {
        let resolver = SilentResolver("127.20.10.61")
        let network = try await Network(try settings(resolver, timeout: "1s"))
        weak let old: DNSResolver? = network.adapters.resolver
        let domain = try DomainName("n-slow.lab")
        let question = Task { await network.record(for: domain) }
        try await Wait.until("the question is put") { resolver.isAsked }
        #expect(try await network.renew(for: try settings(resolver, timeout: "2s")) == .lookups)
        #expect(old != nil && network.adapters.resolver !== old)
        // Its own time ran out; nobody shut it down.
        switch await question.value {
        case .unavailable(let why), .notAsked(let why): #expect(!why.contains("shut down"), "\(why)")
        case .found(let found): Issue.record("\(found)")
        }
        try await Wait.until("the old resolver is gone") { old == nil }
    }

    @Test("adapters that nobody asks end when they are replaced")
    func idle() async throws {
        let resolver = SilentResolver("127.20.10.62")
        let network = try await Network(try settings(resolver, timeout: "1s"))
        weak let old: DNSResolver? = network.adapters.resolver
        #expect(try await network.renew(for: try settings(resolver, timeout: "2s")) == .lookups)
        #expect(old == nil)
    }

    @Test("a reload makes adapters only where what they are made from has changed")
    func renewal() async throws {
        let resolver = SilentResolver("127.20.10.63")
        let network = try await Network(try settings(resolver, timeout: "1s"))
        let first = network.adapters.resolver
        #expect(
            try await network.renew(for: try settings(resolver, timeout: "1s", more: "milter.lookup_wait = \"9s\""))
                == .nothing)
        #expect(network.adapters.resolver === first)
        let mail = "report.via = \"sendmail\"\nreport.sendmail_path = \"/opt/sendmail\""
        #expect(try await network.renew(for: try settings(resolver, timeout: "1s", more: mail)) == .reports)
        #expect(network.adapters.resolver !== first)
    }

    @Test("what cannot be had leaves the adapters in force, and so does a reload that is cancelled or comes too late")
    func refused() async throws {
        let resolver = SilentResolver("127.20.10.64")
        let network = try await Network(try settings(resolver, timeout: "1s"))
        let first = network.adapters.resolver
        let wrong = try settings(resolver, timeout: "2s", more: "tls.ca_file = \"/dev/null\"")
        await #expect(throws: (any Error).self) { try await network.renew(for: wrong) }
        #expect(network.adapters.resolver === first)
        let other = try settings(resolver, timeout: "2s")
        let cancelled = Task {
            await untilCancelled()
            return try await network.renew(for: other)
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(network.adapters.resolver === first)
        network.shutdown()
        await #expect(throws: CancellationError.self) { try await network.renew(for: other) }
        #expect(network.adapters.resolver === first)
    }
}

@Suite("Waiting no longer than a limit")
struct WaitingTests {
    @Test("says whether a task has ended, also to a caller that is cancelled")
    func limit() async throws {
        let endless = Task { await untilCancelled() }
        #expect(await !endless.hasEnded(within: .milliseconds(20)))
        let cancelled = Task {
            await untilCancelled()
            let short = Task { try? await Task.sleep(for: .milliseconds(20)) }
            return await (
                Task { await short.value }.hasEnded(within: .seconds(60)), endless.hasEnded(within: .milliseconds(20))
            )
        }
        cancelled.cancel()
        #expect(await cancelled.value == (true, false))
        endless.cancel()
        #expect(await endless.hasEnded(within: .seconds(60)))
    }
}
