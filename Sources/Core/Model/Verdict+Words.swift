// SPDX-License-Identifier: Apache-2.0
import Basics

/// A verdict in one word, the same in the log, in metrics and in what commands print.
package enum VerdictWord: String, Sendable, Hashable, Codable, NumberedCase {
    case notJudged = "not-judged"
    case noPolicy = "no-policy"
    case conforming
    case unknown
    case notConforming = "not-conforming"
    case violating
    case unproven
    case provenLately = "proven-lately"
}

extension Verdict {
    package var word: VerdictWord {
        switch self {
        case .notJudged: .notJudged
        case .noPolicy, .modeNone: .noPolicy
        case .conforming: .conforming
        case .testing([]), .unknown: .unknown
        case .testing: .notConforming
        case .violating: .violating
        case .unproven: .unproven
        case .provenLately: .provenLately
        }
    }

    /// Why it is what it is, for a person; safe to print.
    package var reason: String {
        switch self {
        case .notJudged(let why), .unknown(let why), .provenLately(let why): why
        case .noPolicy(nil): "no MTA-STS policy applies"
        case .noPolicy(let failure?): "a policy is announced but could not be fetched: \(failure.text)"
        case .modeNone: "the policy's mode is none"
        case .conforming(let mode): "the route keeps the policy (mode \(mode.rawValue))"
        case .testing([]): "the route could not be judged (mode testing)"
        case .testing(let findings): "\(findings.inWords) (mode testing)"
        case .violating(let violation): "\(violation.findings.inWords) \(violation.requirement.inWords)"
        case .unproven(let doubt): "\(doubt.text) \(doubt.requirement.inWords)"
        }
    }

    /// The same, and that mail goes although no route was seen to keep a policy, for who is not told of an action.
    package var explanation: String {
        switch self {
        case .noPolicy, .modeNone, .testing: "\(reason); mail is delivered"
        case .notJudged, .conforming, .violating, .unknown, .unproven, .provenLately: reason
        }
    }
}

extension Requirement {
    fileprivate var inWords: String {
        switch self {
        case .policy: "(mode enforce)"
        case .dane: "(TLSA records)"
        }
    }
}

extension [HostFinding] {
    fileprivate var inWords: String {
        map { finding in
            let failures = finding.failures.map(\.text).joined(separator: ", ")
            return finding.host.map { "\($0): \(failures)" } ?? failures
        }.joined(separator: "; ")
    }
}
