// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit

/// What goes wrong for a while, in the order in which it comes.
enum Fault: String, CaseIterable, Sendable {
    case killed = "kill -9, and a new start"
    case policyHostDown = "policy hosts are down"
    case policyHostSlow = "policy hosts answer late"
    case policyHostForged = "policy hosts show a wrong certificate"
    case policyHostBroken = "policy hosts answer 503"
    case rename = "the mail log is renamed"
    case diskFull = "the store's disk is full"
    case copyTruncate = "the mail log is copied and cut"
    case reload = "SIGHUP"
    case stalledClients = "map clients that do not read"
    case dnsSilent = "the DNS is silent"
    case dnsFailing = "the DNS says SERVFAIL"

    /// Whether the daemon may then be unable to look at routes and hosts.
    var causesDoubt: Bool { self == .dnsSilent || self == .dnsFailing }
}

extension Soak {
    /// Longer than one fetch may take.
    private static let lateness = Duration.seconds(15)
    private static let stalledClients = 20

    func begin(_ fault: Fault) async throws {
        switch fault {
        case .killed: try kill()
        case .policyHostDown: world.network.policies.stop()
        case .policyHostSlow:
            serve {
                var answer = $0
                answer.delay = Self.lateness
                return answer
            }
        case .policyHostForged: show(world.wrong)
        case .policyHostBroken: serve { _ in .status(503) }
        case .rename: try log.rotate(.rename)
        case .diskFull: try disk.fill()
        case .copyTruncate: try log.rotate(.copyTruncate)
        case .reload: daemon.signal(SIGHUP)
        case .stalledClients: try stalled.connect(Self.stalledClients)
        case .dnsSilent: world.network.resolver.pause()
        case .dnsFailing: for name in names { world.network.names.fail(name, nil, .servfail) }
        }
    }

    func end(_ fault: Fault) async throws {
        switch fault {
        case .killed: try await start()
        case .policyHostDown: try world.network.policies.start()
        case .policyHostSlow, .policyHostBroken: serve { $0 }
        case .policyHostForged: show(world.good)
        case .rename, .copyTruncate: break
        case .diskFull: try disk.empty()
        case .reload: daemon.signal(SIGHUP)
        case .stalledClients: stalled.stop()
        case .dnsSilent: world.network.resolver.resume()
        case .dnsFailing: for name in names { world.network.names.heal(name) }
        }
    }

    /// All names that the daemon asks for, but for those of the cold domains.
    private var names: [String] {
        let domains = World.policed + DomainKind.unpoliced.domains
        return domains.flatMap { [$0, "mx.\($0)", "_mta-sts.\($0)", "mta-sts.\($0)"] }
    }

    /// Has the policy host give these answers in place of the good ones.
    private func serve(_ change: (PolicyAnswer) -> PolicyAnswer) {
        for domain in World.policed { world.network.policies.set("mta-sts.\(domain)", change(world.answer(domain))) }
    }

    private func show(_ credential: Credential) {
        for domain in World.policed { world.network.policies.setCredential("mta-sts.\(domain)", credential) }
    }
}
