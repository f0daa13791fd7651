// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TestKit

/// Hosts, by name; one that is not there refuses connections.
final class FakeProber: Prober, Fake {
    struct State {
        var evidence: [String: HostEvidence] = [:]
        /// Hosts for which there is no room.
        var notTried: Set<String> = []
        var probes = 0
        /// While set, probes wait until it is opened.
        var gate: Latch?
        /// Whether probes wait for their turn, and so never begin.
        var isFull = false
    }

    let state = Locked(State())

    func probe(
        _ candidate: MXHost, routeIsSecure: Bool, for policyDomain: DomainName,
        turn: @escaping @Sendable (Bool) -> Void
    ) async -> ProbeResult {
        let name = candidate.name.ascii
        if self.notTried.contains(name) { return .notTried("no room") }
        turn(!self.isFull)
        let (seen, gate) = state.withLock {
            $0.probes += 1
            return ($0.evidence[name] ?? .unreachable("connection refused"), $0.gate)
        }
        await gate?.wait()
        return .seen(seen)
    }
}
