// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing

/// A daemon that serves its policy map, and MTAs of several kinds that ask it.
final class MapLab: Sendable {
    /// An MTA of the laboratory.
    enum Kind: String, Sendable, CaseIterable, CustomTestStringConvertible {
        /// Debian 12's Postfix, the map alone.
        case mapOnly
        /// Debian 12's Postfix, milter and map.
        case milterAndMap
        /// Debian 13's Postfix, the map alone in the form that serves TLSRPT as well.
        case debian13
        /// Debian 13's Postfix, milter and map.
        case debian13Both

        var isDebian13: Bool { self == .debian13 || self == .debian13Both }
        var hasMilter: Bool { self == .milterAndMap || self == .debian13Both }

        var testDescription: String { rawValue }

        /// Those that can run here.
        static var present: [Kind] { Postfix.hasDebian13 ? allCases : [.mapOnly, .milterAndMap] }
    }

    static let gate = 38
    /// More settings of a daemon that serves its map.
    static func serving(_ gate: Int) -> String { "[policy_map]\nsocket = \"inet:8461@127.20.9.\(gate)\"\n" }
    static let enforcing = "enforcement = \"milter+policy-map\"\n"

    let lab: Lab
    var network: TestNetwork { lab.network }
    let daemon: DaemonProcess
    private let postfixes: [Kind: Postfix]

    private static let shared = Task { try await MapLab() }

    static func open() async throws -> MapLab { try await shared.value }

    private init() async throws {
        lab = try await Lab.open()
        daemon = try await lab.daemon(Self.gate, Self.serving(Self.gate), before: Self.enforcing)
        var postfixes: [Kind: Postfix] = [:]
        for kind in Kind.present { postfixes[kind] = try Self.start(kind, lab.network) }
        self.postfixes = postfixes
    }

    /// The map of a daemon as main.cf names it.
    static func map(_ gate: Int, _ name: String = "postfix") -> String {
        "socketmap:inet:127.20.9.\(gate):8461:\(name)"
    }

    /// What every Postfix with a map has.
    static func options(_ network: TestNetwork, map: String) -> Postfix.Options {
        var options = Postfix.Options()
        options.caFile = network.authority.caFile
        options.settings = [
            "smtp_tls_policy_maps = \(map)", "smtp_dns_support_level = dnssec",
            // A destination that fails is tried again as soon as the test asks for it.
            "minimal_backoff_time = 1s", "transport_retry_time = 1s",
        ]
        return options
    }

    private static func start(_ kind: Kind, _ network: TestNetwork) throws -> Postfix {
        var options = options(network, map: map(gate, kind.isDebian13 ? "postfix-tlsrpt" : "postfix"))
        if kind.isDebian13 { options.root = Postfix.debian13 }
        if kind.hasMilter {
            options.milters = ["{ inet:127.20.9.\(gate):8890, default_action=tempfail, command_timeout=10s }"]
            options.localMilters = ["inet:127.20.9.\(gate):8890"]
        }
        let address =
            switch kind {
            case .mapOnly: "127.20.0.31"
            case .milterAndMap: "127.20.0.32"
            case .debian13: "127.20.0.33"
            case .debian13Both: "127.20.0.37"
            }
        return try Postfix(address: address, options: options)
    }

    func postfix(_ kind: Kind) throws -> Postfix { try #require(postfixes[kind]) }
}

extension Postfix {
    /// Sends a message, which must be taken.
    func accept(_ recipient: String) async throws {
        let dialogue = try await send(to: [recipient])
        #expect(dialogue.data?.isPositive == true, "\(dialogue)")
    }

    /// Tries deferred mail until the log has a line with these texts beyond those that were there.
    func retry(until texts: String...) async throws {
        func count() -> Int {
            log.split(separator: "\n").count { line in texts.allSatisfy { line.contains($0) } }
        }
        let before = count()
        do {
            try await Wait.until("another line with \(texts)", within: .seconds(30)) {
                try flush()
                return count() > before
            }
        } catch let error as LabError {
            throw LabError("\(error)\n\(log)")
        }
    }
}
