// SPDX-License-Identifier: Apache-2.0
import Core
import DNS
import Metrics
import TLSRPT

/// What came of fetches and probes since the start, over all adapters there were.
final class NetworkCounts: Sendable {
    enum Fetch: Int, CaseIterable {
        case ok, fetchError, invalid, webPKIInvalid, notTried

        var word: String {
            switch self {
            case .ok: "ok"
            case .fetchError: "fetch_error"
            case .invalid: "invalid"
            case .webPKIInvalid: "webpki_invalid"
            case .notTried: "not_tried"
            }
        }

        init(_ error: FetchError) {
            switch error {
            case .notTried: self = .notTried
            case .failed(let failure):
                switch failure.type {
                case .stsPolicyInvalid: self = .invalid
                case .stsWebPKIInvalid: self = .webPKIInvalid
                default: self = .fetchError
                }
            }
        }
    }

    enum Probe: Int, CaseIterable {
        case conforming, failing, unreachable, notTried

        var word: String {
            switch self {
            case .conforming: "conforming"
            case .failing: "failing"
            case .unreachable: "unreachable"
            case .notTried: "not_tried"
            }
        }

        init(_ result: ProbeResult) {
            switch result {
            case .seen(.conforming): self = .conforming
            case .seen(.failing): self = .failing
            case .seen(.unreachable), .seen(.turnedAway), .seen(.unresolved): self = .unreachable
            case .notTried: self = .notTried
            }
        }
    }

    private let fetches = CounterArray()
    private let probes = CounterArray()
    let dns = DNSCounts()
    let fetchTimes = Histogram()
    let probeTimes = Histogram()

    func note(_ fetch: Fetch, since start: ContinuousClock.Instant) {
        fetches.add(at: fetch.rawValue)
        if fetch != .notTried { fetchTimes.note(ContinuousClock.now - start) }
    }

    func note(_ probe: Probe, since start: ContinuousClock.Instant) {
        probes.add(at: probe.rawValue)
        if probe != .notTried { probeTimes.note(ContinuousClock.now - start) }
    }

    var fetchCounts: [(word: String, count: Int)] { Fetch.allCases.map { ($0.word, fetches.count(at: $0.rawValue)) } }
    var probeCounts: [(word: String, count: Int)] { Probe.allCases.map { ($0.word, probes.count(at: $0.rawValue)) } }
}
