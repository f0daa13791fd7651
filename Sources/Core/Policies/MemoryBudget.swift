// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// How many octets each table in memory may hold: what strangers can fill is bounded, whatever they write into it.
///
/// Policies themselves are not among them: they are the memory that the daemon is for, some 300 octets each, and their
/// uses, some 80 octets each.
package enum MemoryBudget {
    private static let mebibyte = 1 << 20

    /// Hosts that were looked at, some 700 octets each: a host that is forgotten is dialled again.
    static let evidence = 32 * mebibyte
    /// Hosts that conformed once.
    static let proven = 16 * mebibyte
    /// Verdicts of the current second.
    static let verdicts = 12 * mebibyte
    /// Routes that broke their policy. An attacker gains if we forget one.
    static let broken = 8 * mebibyte
    /// What the DNS says of hosts' TLSA records.
    static let surveys = 8 * mebibyte
    /// The map's answers of the current second.
    static let answers = 12 * mebibyte
    /// Routes, some 350 octets each, so that a hundred thousand domains in use are asked for once in their TTL; a hundred
    /// long names of MX hosts make 50 KB.
    static let routes = 35 * mebibyte
    /// Next hops without DNSSEC, of which no more is known.
    static let insecure = 8 * mebibyte
    /// The next hops of recipient domains.
    static let hops = 8 * mebibyte
    /// What the policy map was asked.
    static let mapKeys = 4 * mebibyte
    /// What is known of domains beside their policies: some hundred thousand domains without one, some 450 octets each.
    static let policyEntries = 51 * mebibyte
    /// Domains whose mail was held back of late, some 500 octets each.
    static let held = mebibyte / 2
    /// Domains of which sessions were counted before their policy was known.
    static let countedUnknown = 2 * mebibyte
    /// Domains whose records were looked at again for a failed session; one that is forgotten is looked at once more.
    static let failingPolicies = mebibyte / 8

    /// Most octets of all tables of this module together.
    package static let octets =
        evidence + proven + verdicts + broken + surveys + answers + routes + insecure + hops
        + mapKeys + policyEntries + held + countedUnknown + failingPolicies
}

// MARK: What values hold outside themselves, in octets

/// What an allocation costs beside what is in it.
private let allocation = 48
/// What an array's element or a set's costs beside its texts.
private let element = 64

extension String {
    /// Short ones stand in themselves.
    var heldOctets: Int { utf8.count > 15 ? utf8.count + allocation : 0 }
}

extension DomainName {
    var heldOctets: Int { ascii.heldOctets }
}

extension NextHop {
    var heldOctets: Int { policyDomain?.heldOctets ?? 0 }
}

extension Failure {
    var heldOctets: Int { 3 * element + text.heldOctets + (reasonCode?.heldOctets ?? 0) + (helo?.heldOctets ?? 0) }
}

extension TLSFacts {
    var heldOctets: Int {
        allocation + 4 * element + version.heldOctets + cipher.heldOctets + subject.heldOctets + issuer.heldOctets
            + names.reduce(0) { $0 + element + $1.heldOctets }
    }
}

extension HostEvidence {
    /// The block that its facts lie in.
    private static var blockOctets: Int { MemoryLayout<TLSFacts>.stride + allocation }

    var heldOctets: Int {
        switch self {
        case .conforming(let facts): Self.blockOctets + facts.heldOctets
        case .failing(let failures, let facts):
            Self.blockOctets + allocation + failures.reduce(0) { $0 + $1.heldOctets } + (facts?.heldOctets ?? 0)
        case .unreachable(let text), .turnedAway(let text), .unresolved(let text): text.heldOctets
        }
    }
}

extension HostFinding {
    var heldOctets: Int {
        allocation + (host?.heldOctets ?? 0) + failures.reduce(element) { $0 + $1.heldOctets }
    }
}

extension Violation {
    var heldOctets: Int { findings.reduce(allocation + policyDomain.heldOctets) { $0 + $1.heldOctets } }
}

extension Verdict {
    var heldOctets: Int {
        switch self {
        case .notJudged(let text), .unknown(let text), .provenLately(let text): text.heldOctets
        case .unproven(let doubt): doubt.text.heldOctets
        case .noPolicy(let failure): failure?.text.heldOctets ?? 0
        case .modeNone, .conforming: 0
        case .testing(let findings): findings.reduce(0) { $0 + $1.heldOctets }
        case .violating(let violation): violation.heldOctets
        }
    }
}

extension Policy {
    /// Shared with others that hold it, mostly, but each may be the last.
    var heldOctets: Int { 2 * allocation + text.heldOctets + mx.reduce(0) { $0 + element + $1.domain.heldOctets } }
}

extension CachedPolicy {
    var heldOctets: Int { element + domain.heldOctets + id.heldOctets + policy.heldOctets }
}

extension PolicyLookup {
    var heldOctets: Int {
        switch self {
        case .policy(let cached): cached.heldOctets
        case .absent: 0
        case .failed(let failure): failure.text.heldOctets
        case .unknown(let text), .unreadable(let text): text.heldOctets
        }
    }
}

extension Route {
    /// Beside the policy domain, which it mostly shares with the next hop that it is kept under.
    var listOctets: Int {
        candidates.reduce(allocation) { $0 + MemoryLayout<MXHost>.stride + $1.name.heldOctets }
            + unprobed.reduce(0) { $0 + element + $1.heldOctets }
            + invalidTargets.reduce(0) { $0 + element + $1.heldOctets }
    }

    var heldOctets: Int { policyDomain.heldOctets + listOctets }
}

extension MXSet {
    var heldOctets: Int {
        switch self {
        case .unneeded: 0
        case .known(let names), .only(let names): names.reduce(allocation) { $0 + element + $1.heldOctets }
        case .unknown(let text): text.heldOctets
        }
    }
}

extension MapAnswer {
    var heldOctets: Int {
        switch self {
        case .notFound: 0
        case .temporary(let text), .bogus(let text): text.heldOctets
        case .dane(let besides), .daneWherePresent(let besides): allocation + element + besides.heldOctets
        case .enforce(let cached, let hosts): cached.heldOctets + hosts.heldOctets
        case .testing(let cached): cached.heldOctets
        case .failed(let failure): failure.text.heldOctets
        }
    }
}

extension MapRefusal {
    var heldOctets: Int { if case .noHostInPolicy(let cached) = self { cached.heldOctets } else { 0 } }
}

extension DANEStatus {
    var heldOctets: Int {
        switch self {
        case .usable, .unusable, .absent: 0
        case .bogus(let text), .unreachable(let text), .unknown(let text): text.heldOctets
        }
    }
}
