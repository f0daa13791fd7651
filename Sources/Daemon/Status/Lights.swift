// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Status

/// Which of the things to look at are well. What is not says what to do.
struct Lights {
    /// After so many seconds without an answer from a log its reader is behind.
    private static let longestLag: Int64 = 600
    /// A day's reports are made soon after midnight: later than this something keeps them back.
    private static let longestBetweenRuns: Int64 = 26 * 3600

    /// A resolver that answers nothing for less than this may have been restarted.
    private static let longestSilence: Int64 = 60

    /// Own domains that are named.
    private static let mostNamed = 3

    private let report: StatusReport
    /// Whether the settings do not say that DNSSEC is not wanted.
    private let isAnchorWanted: Bool
    /// Who guards deliveries; nothing where the milter alone is to.
    private let guarding: [MapUse.Statement]
    /// What was seen of the domains of `watch`.
    private let own: [OwnDomain]

    init(
        _ report: StatusReport, isAnchorWanted: Bool, guarding: [MapUse.Statement] = [], own: [OwnDomain] = []
    ) {
        self.report = report
        self.isAnchorWanted = isAnchorWanted
        self.guarding = guarding
        self.own = own
    }

    var all: [Light] {
        [daemon, settings, pause, deliveries].compactMap(\.self) + [mta, held, policies]
            + [resolver].compactMap(\.self) + [dnssec, intake, store, reports]
            + [ownDomains, fleet].compactMap(\.self)
    }

    private var daemon: Light {
        report.isServing
            ? Light("daemon", .good, "the milter answers, for \(span(age(report.startedAt)))")
            : Light("daemon", .bad, "the milter does not answer an MTA: restart sts-milter")
    }

    /// Only where the files say something else than what is in force.
    private var settings: Light? {
        if let problem = report.reloadProblem {
            return Light(
                "settings", .warning, "the last reload took no settings (\(problem)): sts-milter config check")
        }
        guard !report.waitingForRestart.isEmpty else { return nil }
        return Light(
            "settings", .warning, "a restart is needed for \(report.waitingForRestart.joined(separator: ", "))")
    }

    /// Only while the resolver answers nothing.
    private var resolver: Light? {
        guard let silent = report.silentResolver, silent.seconds > Self.longestSilence else { return nil }
        return Light(
            "resolver", .bad,
            "the resolver has answered nothing for \(span(silent.seconds)) (\(silent.name)): see that it runs and can be reached, or name another in dns.forwarder"
        )
    }

    /// Only while there is a pause.
    private var pause: Light? {
        report.pausedUntil.map {
            Light("pause", .warning, "PAUSED until \($0): all mail goes, unprotected; sts-milter resume ends it")
        }
    }

    /// Only where the policy map is to guard.
    private var deliveries: Light? {
        for statement in guarding {
            switch statement.gravity {
            case .asMeant: continue
            case .unasked: return Light("deliveries", .warning, statement.text)
            case .unguarded: return Light("deliveries", .bad, statement.text)
            }
        }
        return guarding.first.map { Light("deliveries", .good, $0.text) }
    }

    private var mta: Light {
        if report.milter.lastHeard == nil, report.policyMap?.lastHeard == nil {
            return Light(
                "MTA", .warning,
                "no MTA has asked since the start: sts-milter check-mta says what its configuration lacks")
        }
        if let map = report.policyMap, map.lastHeard == nil {
            return Light(
                "MTA", .warning,
                "no MTA has asked the policy map since the start: sts-milter check-mta says what its configuration lacks"
            )
        }
        return Light("MTA", .good, "heard: \(report.heard)")
    }

    private var held: Light {
        let count = report.held.count + report.heldMore
        return count == 0
            ? Light("held mail", .good, "no mail is held now")
            : Light("held mail", .warning, "mail to \(amount(count, "domain")) is held now")
    }

    private var policies: Light {
        if !report.policies.lost.isEmpty {
            return Light(
                "policies", .bad,
                "\(amount(report.policies.lost.count, "domain")) unprotected: the policy ran out, since every fetch failed"
            )
        }
        if !report.policies.nearExpiry.isEmpty {
            return Light(
                "policies", .warning,
                "\(amount(report.policies.nearExpiry.count, "domain")) near the end of a policy that cannot be fetched"
            )
        }
        return Light("policies", .good, "\(report.policies.count) in memory")
    }

    private var dnssec: Light {
        Light("DNSSEC", report.dnssec.isValidated || !isAnchorWanted ? .good : .warning, report.dnssec.text)
    }

    private var intake: Light {
        if let source = report.intake.first(where: { $0.problem != nil }) {
            return Light("intake", .bad, "\(source.place): \(source.problem ?? "")")
        }
        if let source = report.intake.first(where: { $0.lagSeconds ?? 0 > Self.longestLag }) {
            return Light("intake", .warning, "\(source.place) is \(span(source.lagSeconds ?? 0)) behind")
        }
        if let source = report.intake.first(where: { $0.lost > 0 }) {
            return Light("intake", .warning, "\(source.place): \(source.lost) lost")
        }
        return Light(
            "intake", .good,
            report.intake.isEmpty
                ? "none: reports count the milter's verdicts" : "\(amount(report.intake.count, "source")) read")
    }

    private var store: Light {
        let store = report.store
        if let problem = store.problem { return Light("store", .bad, "the store cannot be written: \(problem)") }
        if let problem = store.readProblem { return Light("store", .bad, "the store cannot be read: \(problem)") }
        return Light("store", .good, size(store.octets))
    }

    private var reports: Light {
        if let obstacle = report.reports.obstacle { return Light("reports", .warning, obstacle) }
        // The reports of a fleet's member are the fleet's: its own last run is of the time before.
        if report.reports.isDaily, report.fleet == nil, let last = report.reports.lastRun,
            age(last) > Self.longestBetweenRuns
        {
            return Light("reports", .warning, "no day was finished for \(span(age(last)))")
        }
        if !report.reports.failures.isEmpty {
            return Light(
                "reports", .warning,
                "\(report.reports.failures.count) deliveries failed for good: sts-milter report list --failed")
        }
        return Light("reports", .good, "\(report.reports.due) due")
    }

    /// Only where a domain is watched, from the first look on. The lines of each domain say what is wrong.
    private var ownDomains: Light? {
        guard !own.isEmpty else { return nil }
        let troubled = own.filter { !$0.troubles.isEmpty }
        guard !troubled.isEmpty else { return Light("own domains", .good, "\(own.count) in order") }
        let names = troubled.prefix(Self.mostNamed).map(\.domain.ascii).joined(separator: ", ")
        let more = troubled.count > Self.mostNamed ? " and \(troubled.count - Self.mostNamed) more" : ""
        return Light(
            "own domains", .warning,
            "\(amount(troubled.count, "domain")) of your own \(troubled.count == 1 ? "has" : "have") trouble, "
                + "to be mended as is said below: \(names)\(more)")
    }

    private var fleet: Light? {
        guard let fleet = report.fleet else { return nil }
        guard !fleet.isWorking else {
            guard let ahead = fleet.clockAheadSeconds else { return Light("fleet", .good, "the database answers") }
            return Light(
                "fleet", .warning,
                "this machine's clock is \(abs(ahead)) s \(ahead > 0 ? "ahead of" : "behind") that of the fleet's database: set it"
            )
        }
        return Light(
            "fleet", .warning,
            "the fleet's database cannot be used, so that reports wait and policies are this machine's own: \(fleet.problem ?? "")"
        )
    }

    private func age(_ stamp: Stamp) -> Int64 { (report.at.time - stamp.time).components.seconds }
}
