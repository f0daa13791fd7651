// SPDX-License-Identifier: Apache-2.0
import Metrics

/// What came of DNS questions, over all resolvers that count in it.
package final class DNSCounts: Sendable {
    /// What is known of an answer; a failure is no answer, unless it is that DNSSEC fails.
    package enum Security: Int, Sendable, Hashable, CaseIterable {
        case secure, insecure, bogus, failed

        package var word: String {
            switch self {
            case .secure: "secure"
            case .insecure: "insecure"
            case .bogus: "bogus"
            case .failed: "failed"
            }
        }

        init(_ answer: DNSAnswer<[UInt8]>) {
            switch (answer.outcome, answer.security) {
            case (.failure(.bogus), _), (_, .bogus): self = .bogus
            case (.failure, _): self = .failed
            case (_, .secure): self = .secure
            case (_, .insecure): self = .insecure
            }
        }
    }

    private let counts = CounterArray()
    private let durations = Histogram()

    package init() {}

    func note(_ type: RecordType, _ answer: DNSAnswer<[UInt8]>, after duration: Duration) {
        counts.add(at: Self.place(type, Security(answer)))
        durations.note(duration)
    }

    private static func place(_ type: RecordType, _ security: Security) -> Int {
        (RecordType.allCases.firstIndex(of: type) ?? 0) * Security.allCases.count + security.rawValue
    }

    /// How many questions of each type had which answer.
    package var queries: [(type: RecordType, security: Security, count: Int)] {
        RecordType.allCases.flatMap { type in
            Security.allCases.map { (type, $0, counts.count(at: Self.place(type, $0))) }
        }
    }

    /// How long answers took, those of the resolver's own cache included.
    package var times: Histogram.Counts { durations.current }
}
