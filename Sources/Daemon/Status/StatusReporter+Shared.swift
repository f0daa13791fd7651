// SPDX-License-Identifier: Apache-2.0
import Core
import Fleet
import Metrics

extension StatusReporter {
    /// Policies that this machine shares with others; nothing where it is alone.
    var sharedPolicyMetrics: [MetricFamily] {
        guard let policyExchange else { return [] }
        let counts = policyExchange.counts
        return [
            .counter(
                "shared_policies", "Policies told to other machines and heard of them, by what became of them.",
                [
                    ("offered", counts.offered), ("taken", policyCache.takenCount),
                    ("fetched-first", counts.fetchedFirst), ("refused", counts.refused),
                    ("forgotten", counts.forgotten),
                ].map { ([MetricFamily.Label("outcome", $0.0)], $0.1) }),
            .gauge(
                "shared_policies_waiting", "Policies that are not told to other machines yet.",
                Double(policyExchange.waitingCount)),
            .gauge(
                "shared_policies_working", "Whether lookups ask other machines before they fetch.",
                policyExchange.isWorking ? 1 : 0),
        ]
    }
}
