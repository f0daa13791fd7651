// SPDX-License-Identifier: Apache-2.0
import Basics

/// What was seen of an MX host, in one word, the same in all that commands, pages and metrics tell.
package enum HostStatus: String, Sendable, Hashable, Codable, NumberedCase {
    case conforming
    case failing
    case unreachable
    case turnedAway = "turned-away"
    case unresolved
    /// A failure of our own kept us from looking.
    case notTried = "not-tried"
    /// Nobody has looked: nothing asked for it, or it is no longer in memory.
    case notProbed = "not-probed"
}

extension HostStatus {
    /// - Parameter evidence: nil for a host that was not looked at.
    package init(_ evidence: HostEvidence?) {
        self =
            switch evidence {
            case .conforming: .conforming
            case .failing: .failing
            case .unreachable: .unreachable
            case .turnedAway: .turnedAway
            case .unresolved: .unresolved
            case nil: .notProbed
            }
    }

    /// With blanks, for a person.
    package var inWords: String { rawValue.replacing("-", with: " ") }
}

extension HostEvidence {
    /// The TLS session that was seen; nil if there was none.
    package var facts: TLSFacts? {
        switch self {
        case .conforming(let facts): facts
        case .failing(_, let facts): facts
        case .unreachable, .turnedAway, .unresolved: nil
        }
    }

    /// In what the host fails.
    package var failures: [Failure] { if case .failing(let failures, _) = self { failures } else { [] } }

    /// What kept anybody from seeing whether the host conforms; nil if it was seen.
    package var obstacle: String? {
        switch self {
        case .conforming, .failing: nil
        case .unreachable(let text), .turnedAway(let text), .unresolved(let text): text
        }
    }
}

extension Evidence {
    package func status(of host: MXHost) -> HostStatus {
        hosts[host] == nil && notTried[host] != nil ? .notTried : HostStatus(hosts[host])
    }

    /// What kept anybody from seeing whether the host conforms, a failure of our own included.
    package func obstacle(of host: MXHost) -> String? {
        if let seen = hosts[host] { seen.obstacle } else { notTried[host] }
    }
}

extension ProbeResult {
    package var status: HostStatus {
        switch self {
        case .seen(let evidence): HostStatus(evidence)
        case .notTried: .notTried
        }
    }
}
