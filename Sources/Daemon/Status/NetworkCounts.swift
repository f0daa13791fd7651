// SPDX-License-Identifier: Apache-2.0
import Basics
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
            case .ok: "success"
            case .fetchError: "sts-policy-fetch-error"
            case .invalid: "sts-policy-invalid"
            case .webPKIInvalid: "sts-webpki-invalid"
            case .notTried: "not-tried"
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

    private let fetches = CounterArray()
    private let probes = CounterArray()
    let dns = DNSCounts()
    let fetchTimes = Histogram()
    let probeTimes = Histogram()

    func note(_ fetch: Fetch, since start: ContinuousClock.Instant) {
        fetches.add(at: fetch.rawValue)
        if fetch != .notTried { fetchTimes.note(ContinuousClock.now - start) }
    }

    func note(_ probe: HostStatus, since start: ContinuousClock.Instant) {
        probes.add(at: probe.place)
        if probe != .notTried { probeTimes.note(ContinuousClock.now - start) }
    }

    var fetchCounts: [(word: String, count: Int)] { Fetch.allCases.map { ($0.word, fetches.count(at: $0.rawValue)) } }
    /// A look that nobody took counts nowhere.
    var probeCounts: [(word: String, count: Int)] {
        HostStatus.allCases.filter { $0 != .notProbed }.map { ($0.rawValue, probes.count(at: $0.place)) }
    }
}
