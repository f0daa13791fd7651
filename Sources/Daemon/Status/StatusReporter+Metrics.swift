// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Metrics
import Milter
import PolicyMap
import Settings
import Status

extension StatusReporter {
    /// Why mail cannot be judged now; nil if it can.
    func obstacle() async -> String? {
        let isServing = await onBlockingThread { [milter] in milter.isServing() }
        return isServing ? nil : "the milter does not answer an MTA: restart sts-milter"
    }

    /// All that is counted and measured. Labels have fixed values: a domain is never one.
    func metrics() async -> [MetricFamily] {
        let report = await report()
        return about(report) + milterMetrics + mapMetrics(report) + policyMetrics(report) + sharedPolicyMetrics
            + lookupMetrics(report) + intakeMetrics(report) + reportMetrics(report) + ownMetrics
            + receivedMetrics(await receivedCounts()) + storeMetrics(report) + fleetMetrics(report)
            + ProcessFigures.families(startedAt: startedAt.secondsSinceEpoch)
    }

    private func about(_ report: StatusReport) -> [MetricFamily] {
        let reload = settings.lastReload
        return [
            .info("build", "The version.", [Label("version", Settings.version)]),
            .gauge("start_time_seconds", "When the daemon started, since 1970.", time(report.startedAt)),
            .gauge("serving", "Whether the milter answers an MTA.", report.isServing ? 1 : 0),
            .gauge(
                "paused_until_timestamp_seconds", "When the pause ends that lets all mail go; 0 while there is none.",
                report.pausedUntil.map(time) ?? 0),
            .gauge(
                "dry_run", "Whether the settings hold no mail to a policy (on_violation).", report.isDryRun ? 1 : 0),
            .gauge(
                "config_last_reload_successful", "Whether the last reload took the settings.", reload.succeeded ? 1 : 0),
            .gauge(
                "config_last_reload_success_timestamp_seconds", "When settings were last taken.",
                Double(reload.lastSuccess.secondsSinceEpoch)),
            .gauge(
                "held_domains", "Domains whose mail is held now.", Double(report.held.count + report.heldMore)),
            .gauge(
                "attention", "Whether something is to be looked at or bad, by what it is.",
                Light.names.flatMap { name in
                    [("look", Light.State.warning), ("bad", .bad)].map { level, state in
                        let label = name.lowercased().replacing(" ", with: "-")
                        let isSo = report.lights.contains { $0.name == name && $0.state == state }
                        return ([Label("light", label), Label("level", level)], isSo ? 1 : 0)
                    }
                }),
            .gauge(
                "resolver_silent_seconds", "For how long the resolver has answered nothing; 0 while it answers.",
                Double(report.silentResolver?.seconds ?? 0)),
            .gauge(
                "restart_needed", "Whether settings wait for a restart.", report.waitingForRestart.isEmpty ? 0 : 1),
            .counter("log_lines_dropped", "Log lines dropped, since their reader is too slow.", log.droppedLines),
        ]
    }

    private func fleetMetrics(_ report: StatusReport) -> [MetricFamily] {
        guard let fleet = report.fleet else { return [] }
        return [
            .gauge(
                "fleet_up", "Whether the fleet's database could be used when it was last tried.",
                fleet.isWorking ? 1 : 0),
            .gauge(
                "fleet_batches_waiting", "Batches of counts that wait for the fleet's database.",
                Double(fleet.batchesWaiting)),
        ]
    }

    private var milterMetrics: [MetricFamily] {
        let counts = milter.counts
        return [
            .counter(
                "verdicts", "Verdicts, one for each message and next hop, by what was done.",
                counts.verdicts.map {
                    ([Label("verdict", $0.verdict.rawValue), Label("action", $0.action.rawValue)], $0.count)
                }),
            .counter(
                "violations", "Verdicts that an enforce policy or TLSA records are broken, by the gravest failure.",
                counts.violations.map { ([Label("result_type", $0.type.rawValue)], $0.count) }),
            .counter("milter_messages", "Messages that MTAs have begun.", counts.messages),
            .histogram(
                "milter_callback_duration_seconds",
                "How long MTAs waited for the answer to a recipient and to the end of a message.",
                [
                    ([Label("callback", "rcpt")], counts.recipientTimes),
                    ([Label("callback", "eom")], counts.endTimes),
                ]),
            .gauge("milter_connections", "Connections of MTAs to the milter.", Double(milter.connections)),
            .gauge("milter_waiting", "Recipients that wait for a lookup.", Double(counts.waiting)),
            .gauge("milter_waiting_limit", "Recipients that may wait for a lookup.", Double(counts.waitingLimit)),
            .histogram(
                "milter_lookup_wait_seconds", "How long recipients waited whose verdict was not in memory.",
                counts.waits),
        ]
    }

    private func mapMetrics(_ report: StatusReport) -> [MetricFamily] {
        var families: [MetricFamily] = [
            .gauge(
                "mta_last_heard_timestamp_seconds", "When an MTA last asked.",
                [("milter", report.milter.lastHeard), ("policy-map", report.policyMap?.lastHeard)].compactMap {
                    way, at in
                    at.map { ([Label("by", way)], time($0)) }
                })
        ]
        guard let map else { return families }
        let counts = map.counts
        let isUnguarded = mapUse?.statements.contains { $0.gravity == .unguarded } == true
        families += [
            .gauge(
                "map_asked", "Whether the MTA asks the policy map for the mail that it takes.",
                mapUse?.isAsked.map { $0 ? 1 : 0 }),
            .gauge(
                "deliveries_unguarded", "Whether nobody guards deliveries, since the MTA does not ask the policy map.",
                isUnguarded ? 1 : 0),
            .counter(
                "map_queries", "Answers of the policy map, by the form that the MTA asks for.",
                counts.answers.map { ([Label("form", $0.form), Label("answer", $0.answer)], $0.count) }),
            .counter(
                "map_temp", "Answers \"try again later\" of the policy map, by reason.",
                counts.temporary.map { ([Label("reason", $0.reason)], $0.count) }),
            .gauge("map_connections", "Connections of MTAs to the policy map.", Double(map.connections)),
            .gauge("map_lookups_waiting", "Lookups that answers of the map wait for.", Double(map.lookupsUnderWay)),
            .histogram(
                "map_lookup_duration_seconds", "How long lookups took that answers of the map waited for.",
                counts.lookups),
        ]
        return families
    }

    private func policyMetrics(_ report: StatusReport) -> [MetricFamily] {
        let policies = report.policies
        var families: [MetricFamily] = [
            .gauge(
                "policies", "Live policies in memory, by mode.",
                [("enforce", policies.enforce), ("testing", policies.testing), ("none", policies.none)].map {
                    ([Label("mode", $0.0)], Double($0.1))
                }),
            .gauge(
                "policies_near_expiry", "Policies in use, in the last quarter of their life, that cannot be fetched.",
                Double(policies.nearExpiry.count)),
            .gauge("policies_unsaved", "Policies that are not written to the store yet.", Double(policies.unsaved)),
            .gauge(
                "policy_oldest_fetch_timestamp_seconds", "When the live policy was fetched that was not for longest.",
                policies.oldestFetch.map(time)),
            .counter(
                "policies_lost", "Policies in use that ended because every fetch failed.", policyCache.lostCount),
        ]
        guard let list = overrides.list else { return families }
        families += [
            .gauge(
                "preload_list_expiry_timestamp_seconds", "When the preload list ends.",
                Double(list.expires.secondsSinceEpoch)),
            .gauge("preload_list_policies", "Policies of the preload list.", Double(list.count)),
        ]
        return families
    }

    private func lookupMetrics(_ report: StatusReport) -> [MetricFamily] {
        let counts = network.counts
        return [
            .counter(
                "policy_fetches", "Fetches of policies.",
                counts.fetchCounts.map { ([Label("result", $0.word)], $0.count) }),
            .histogram(
                "policy_fetch_duration_seconds", "How long fetches of policies took.", counts.fetchTimes.current),
            .counter(
                "probes", "Looks at MX hosts.", counts.probeCounts.map { ([Label("result", $0.word)], $0.count) }),
            .histogram(
                "probe_duration_seconds", "How long looks at MX hosts took, the wait for their turn included.",
                counts.probeTimes.current),
            .counter(
                "dns_queries", "Questions to the DNS, by type and what DNSSEC says of the answer.",
                counts.dns.queries.map { query in
                    ([Label("type", "\(query.type)"), Label("security", query.security.word)], query.count)
                }),
            .histogram(
                "dns_query_duration_seconds", "How long answers of the DNS took, those from memory included.",
                counts.dns.times),
            .gauge("dnssec_working", "Whether DNSSEC is validated.", network.dnssec.isWorking.map { $0 ? 1 : 0 }),
        ]
    }

    private func intakeMetrics(_ report: StatusReport) -> [MetricFamily] {
        let sources = report.intake
        func gauge(_ name: String, _ help: String, _ value: (IntakeSource) -> Double?) -> MetricFamily {
            .gauge(
                name, help,
                sources.compactMap { source in value(source).map { ([Label("source", source.kind.rawValue)], $0) } })
        }
        func counter(_ name: String, _ help: String, _ value: KeyPath<IntakeSource, Int>) -> MetricFamily {
            .counter(name, help, sources.map { ([Label("source", $0.kind.rawValue)], $0[keyPath: value]) })
        }
        return [
            gauge("intake_source_up", "Whether what the MTA tells of its deliveries can be read.") {
                $0.problem == nil ? 1 : 0
            },
            gauge("intake_lag_seconds", "For how long the end of the log was not reached.") {
                $0.lagSeconds.map(Double.init)
            },
            gauge("intake_last_heard_timestamp_seconds", "When something was last read.") { $0.lastHeard.map(time) },
            .counter(
                "intake_lines", "Lines of logs, by whether they could be read.",
                sources.filter { $0.kind != .datagrams }.flatMap { source in
                    [("read", source.linesRead), ("unreadable", source.unreadable)].map {
                        ([Label("source", source.kind.rawValue), Label("outcome", $0.0)], $0.1)
                    }
                }),
            counter("intake_sessions", "Sessions found in logs, and datagrams taken.", \.sessions),
            counter("intake_unreadable", "Lines or datagrams that could not be read.", \.unreadable),
            counter("intake_lost", "Datagrams that found no room.", \.lost),
        ]
    }

    private func reportMetrics(_ report: StatusReport) -> [MetricFamily] {
        let sessions = ledger.sessions
        let states = StatusReporter.reportStates
        return [
            .counter(
                "sessions", "Sessions counted for reports.",
                sessions.counts.flatMap { type, successes, failures in
                    [("success", successes), ("failure", failures)].map {
                        ([Label("policy_type", type.rawValue), Label("result", $0.0)], $0.1)
                    }
                }),
            .counter("sessions_lost", "Sessions that could not be counted for want of room.", sessions.lost),
            .gauge(
                "reports", "Deliveries of reports of the last 7 days, by state.",
                states.map { ([Label("state", $0)], Double(report.reports.counts[$0] ?? 0)) }),
            .gauge("reports_due", "Deliveries of reports that could be tried now.", Double(report.reports.due)),
            .gauge(
                "reports_scheduled", "Whether the daemon makes and sends reports by itself.",
                report.reports.isDaily && report.reports.obstacle == nil ? 1 : 0),
            .gauge(
                "reports_possible", "Whether the settings let the daemon's reports out (report.contact_info).",
                report.reports.isDaily ? (report.reports.obstacle == nil ? 1 : 0) : nil),
            .gauge(
                "reports_last_run_timestamp_seconds", "When the reports of a day were last all made.",
                report.reports.lastRun.map(time)),
            .gauge(
                "reports_suppressed", "Destinations that are left alone, since they refused too often.",
                Double(report.reports.suppressed)),
        ]
    }

    private func storeMetrics(_ report: StatusReport) -> [MetricFamily] {
        let health = store.health
        return [
            .counter(
                "store_writes", "Writes to the store.",
                [("success", health.succeeded), ("failure", health.failed)].map { ([Label("result", $0.0)], $0.1) }),
            .gauge(
                "store_writable", "Whether the last write to the store succeeded.", health.problem == nil ? 1 : 0),
            .gauge(
                "store_last_write_timestamp_seconds", "When the store was last written.",
                report.store.lastWrite.map(time)),
            .gauge("store_size_bytes", "The store's files.", Double(report.store.octets)),
        ]
    }

    private func time(_ stamp: Stamp) -> Double { Double(stamp.time.secondsSinceEpoch) }
}

private typealias Label = MetricFamily.Label
