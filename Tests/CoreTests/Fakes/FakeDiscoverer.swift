// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import TestKit

/// A domain and its policy host.
final class FakeDiscoverer: PolicyDiscoverer, Fake {
    struct State {
        var recordAnswer: RecordLookup = .found(.absent)
        /// The body at the well-known URL.
        var policyAnswer: Result<String, FetchError> = .failure(
            .failed(PolicyFailure(.stsPolicyFetchError, "HTTP status 404")))
        var recordQuestions = 0
        var fetches = 0
        /// While set, fetches wait until it is opened.
        var gate: Latch?
        /// The same for questions for the record.
        var recordGate: Latch?
    }

    let state = Locked(State())

    func record(for domain: DomainName) async -> RecordLookup {
        let (answer, gate) = state.withLock {
            $0.recordQuestions += 1
            return ($0.recordAnswer, $0.recordGate)
        }
        await gate?.wait()
        return answer
    }

    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        let (answer, gate) = state.withLock {
            $0.fetches += 1
            return ($0.policyAnswer, $0.gate)
        }
        await gate?.wait()
        let body = try answer.get()
        do throws(PolicyError) { return try Policy.read(body.utf8) } catch {
            throw .failed(PolicyFailure(.stsPolicyInvalid, error.description))
        }
    }
}

func body(_ mode: Policy.Mode, mx: String = "mx1.example.org", maxAge: Int = 86_400) -> String {
    "version: STSv1\nmode: \(mode.rawValue)\nmx: \(mx)\nmax_age: \(maxAge)\n"
}

func announce(_ id: String) -> RecordLookup { .found(.record(STSRecord(id: id))) }

extension STSRecord {
    /// Only the parser makes records.
    init(id: String) {
        guard case .record(let record) = STSRecord.select(from: ["v=STSv1; id=\(id)"]) else {
            preconditionFailure("bad id")
        }
        self = record
    }
}
