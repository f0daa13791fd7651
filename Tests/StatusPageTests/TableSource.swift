// SPDX-License-Identifier: Apache-2.0
import Basics
import Metrics
import Status
import StatusPage

/// A daemon of which all is known.
struct TableSource: StatusSource {
    static let now = Stamp(UTCTime(secondsSinceEpoch: 1_790_000_000))

    var status = StatusReport(
        version: "0.1.0", at: now, startedAt: now, isServing: true, enforcement: "milter",
        milter: Listener(socket: "inet:8890@127.0.0.1", connections: 1, lastHeard: now), policyMap: nil,
        dnssec: DNSSECReport(isValidated: true, text: "DNSSEC is validated"),
        store: StoreReport(path: "/var/lib/x", octets: 1 << 20, lastWrite: now, problem: nil))
    var why: String?

    func report() async -> StatusReport { status }
    func metrics() async -> [MetricFamily] { [.counter("things", "What there is.", 7)] }
    func obstacle() async -> String? { why }
}
