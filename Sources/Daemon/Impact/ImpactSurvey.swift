// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import Settings

/// Looks at the domains that a mail log tells of, by the daemon's own walk, and says what would have become of their mail.
///
/// Polite to those who are looked at: a host is looked at once, whoever's mail it takes, by one connection at a time, and
/// only where an enforce policy, or `dane = "always"`, depends on it. Nothing is written to the store.
package final class ImpactSurvey: Sendable {
    /// Domains that are looked at at one time; so many names of one owner still find a place in all shares.
    private static let maxAtOnce = 32
    /// Longer than a survey takes: no host is looked at twice.
    private static let hostsStandFor = Duration.seconds(86_400)
    /// A host that has not greeted by then is left: many logs name some that never do.
    private static let greetingTimeout = Duration.seconds(30)

    private let context: InspectionContext
    private let walk: DomainWalk

    package init(_ workspace: Workspace) async throws {
        var settings = workspace.settings
        settings.probe.maxAddressesAtOnce = 1
        settings.probe.maxConcurrent = Self.maxAtOnce
        settings.probe.greetingTimeout = Self.greetingTimeout
        context = try await InspectionContext(Workspace(settings, logger: workspace.logger))
        walk = context.walk(by: context.network.discoverer)
        var trust = settings.gate
        trust.conformingFor = Self.hostsStandFor
        trust.failingFor = Self.hostsStandFor
        trust.unreachableFor = Self.hostsStandFor
        walk.resolver.trustHosts(by: trust)
    }

    package func shutdown() { context.shutdown() }

    /// - Parameters:
    ///   - maxDomains: how many are looked at, those of most deliveries first.
    ///   - tell: called after each domain, with how many are done and how many there are.
    package func impact(
        of logged: LoggedDeliveries, maxDomains: Int, tell: (Int, Int) -> Void
    ) async -> Impact {
        let sorted = logged.domains.sorted {
            ($1.value.deliveries, $0.key.ascii) < ($0.value.deliveries, $1.key.ascii)
        }
        let chosen = sorted.prefix(maxDomains)
        var surveyed: [SurveyedDomain] = []
        tell(0, chosen.count)
        await withTaskGroup(of: SurveyedDomain.self) { group in
            for (index, (domain, seen)) in chosen.enumerated() {
                if index >= Self.maxAtOnce, let next = await group.next() {
                    surveyed.append(next)
                    tell(surveyed.count, chosen.count)
                }
                group.addTask { await self.survey(domain, seen) }
            }
            for await next in group {
                surveyed.append(next)
                tell(surveyed.count, chosen.count)
            }
        }
        return Impact(
            source: .mailLog, firstDay: logged.days.map { "\($0.lowerBound)" },
            lastDay: logged.days.map { "\($0.upperBound)" }, deliveries: logged.sessions,
            domains: surveyed.compactMap(\.domain).sorted(by: Impact.Domain.precedes),
            leftOut: Self.leftOut(logged, sorted.dropFirst(maxDomains).map(\.value), surveyed),
            remarks: logged.remarks + remarks(surveyed))
    }

    // MARK: One domain

    private func survey(_ domain: DomainName, _ seen: LoggedDeliveries.Domain) async -> SurveyedDomain {
        let policy = await walk.policy(of: domain)
        let gate = context.settings.gate
        guard policy.mayHold || gate.dane == .always else {
            return await isMissing(domain, policy)
                ? SurveyedDomain(missing: domain, seen) : SurveyedDomain(domain, seen, under: policy)
        }
        // A second look would find what is remembered: the operator is shown what was seen first.
        let question = VerdictQuestion(
            // Where nobody chose, as it will be once the MTA asks the map.
            gate.enforcement == .milter ? .milter : .milterAndPolicyMap, gate.hostCheck, dane: gate.dane,
            isExamination: policy.mayHold)
        let walked = await walk.resolve(question, about: domain)
        return SurveyedDomain(domain, seen, walked, hostCheck: gate.hostCheck)
    }

    /// Whether a domain without a policy does not exist at all, or has no host for mail.
    private func isMissing(_ domain: DomainName, _ policy: PolicyLookup) async -> Bool {
        guard case .absent = policy else { return false }
        do throws(RouteError) {
            _ = try await context.network.router.route(to: .mx(of: domain, port: NextHop.smtpPort))
            return false
        } catch {
            if case .noSuchDomain = error { return true }
            return false
        }
    }

    // MARK: The whole

    private static func leftOut(
        _ logged: LoggedDeliveries, _ rest: [LoggedDeliveries.Domain], _ surveyed: [SurveyedDomain]
    ) -> [Impact.LeftOut] {
        let elsewhere = surveyed.reduce(0) { $0 + $1.elsewhere }
        return [
            Impact.LeftOut(
                why: "since --domains bounds them", deliveries: rest.reduce(0) { $0 + $1.deliveries },
                domains: rest.count),
            Impact.LeftOut(
                why: "of more domains than are told apart (\(LoggedDeliveries.maxDomains))",
                deliveries: logged.pastBound),
            Impact.LeftOut(
                why: "to servers that are no MX hosts of the recipients' domains: by a relayhost or transport",
                deliveries: elsewhere),
            Impact.LeftOut(
                why: "to a relay or content filter of the site's own, by address or port", deliveries: logged.ownServers
            ),
            Impact.LeftOut(why: "of no domain that is known", deliveries: logged.withoutDomain),
        ].filter { $0.deliveries > 0 }
    }

    private func remarks(_ surveyed: [SurveyedDomain]) -> [String] {
        var remarks: [String] = []
        let looked = surveyed.filter(\.isLookedAt)
        if !looked.isEmpty, looked.allSatisfy({ $0.domain?.outcome == .unclear }) {
            remarks.append("no host could be looked at: is port 25 open outwards, and does the resolver answer?")
        }
        let missing = surveyed.count(where: \.isMissing)
        if missing > 0, missing * 2 > surveyed.count {
            remarks.append(
                "most domains do not exist in the DNS that is asked (\(context.settings.dns.resolverName)), and mail went to them: is it the resolver that the MTA asks?"
            )
        }
        if context.settings.gate.hostCheck == .namesOnly {
            remarks.append("no host was looked at: probe.enabled is false")
        }
        return remarks
    }
}

extension PolicyLookup {
    /// Whether it can hold mail back: an enforce policy, or one that cannot be read, which may be one.
    fileprivate var mayHold: Bool {
        switch self {
        case .policy(let cached): cached.policy.mode == .enforce
        case .unreadable: true
        case .absent, .failed, .unknown: false
        }
    }
}
