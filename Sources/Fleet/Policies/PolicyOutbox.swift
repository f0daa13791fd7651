// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// What this machine has to publish of policies, the newest of each domain; bounded, whatever the database does.
struct PolicyOutbox: Sendable {
    /// Octets of policies that wait. What has no room is published after its next renewal.
    static let maxOctets = 8 << 20
    /// Domains that were forgotten, and those that could not be fetched.
    static let maxNames = 10_000
    /// Policies of one piece, and their octets.
    private static let pieceCount = 200
    private static let pieceOctets = 1 << 20
    /// What a place costs beside the text.
    private static let overhead = 300

    /// What is published at one time.
    struct Piece: Sendable {
        var policies: [CachedPolicy] = []
        var forgotten: [DomainName: UTCTime] = [:]
        var released: [DomainName] = []

        var isEmpty: Bool { policies.isEmpty && forgotten.isEmpty && released.isEmpty }
    }

    private var policies: [DomainName: CachedPolicy] = [:]
    private var forgotten: [DomainName: UTCTime] = [:]
    private var released: Set<DomainName> = []
    private(set) var octets = 0

    var count: Int { policies.count + forgotten.count }
    var isEmpty: Bool { policies.isEmpty && forgotten.isEmpty && released.isEmpty }

    private static func cost(of policy: CachedPolicy) -> Int { overhead + policy.policy.text.utf8.count }

    mutating func offer(_ policy: CachedPolicy) {
        drop(policy.domain)
        guard octets + Self.cost(of: policy) <= Self.maxOctets else { return }
        policies[policy.domain] = policy
        octets += Self.cost(of: policy)
    }

    mutating func forget(_ domain: DomainName, at time: UTCTime) {
        drop(domain)
        if forgotten.count < Self.maxNames { forgotten[domain] = time }
    }

    mutating func release(_ domain: DomainName) { if released.count < Self.maxNames { released.insert(domain) } }

    private mutating func drop(_ domain: DomainName) {
        if let old = policies.removeValue(forKey: domain) { octets -= Self.cost(of: old) }
    }

    /// Takes out what is to be published next.
    mutating func take() -> Piece {
        var piece = Piece()
        var octets = 0
        for policy in policies.values.prefix(Self.pieceCount) {
            octets += Self.cost(of: policy)
            guard piece.policies.isEmpty || octets <= Self.pieceOctets else { break }
            piece.policies.append(policy)
        }
        for policy in piece.policies { drop(policy.domain) }
        (piece.forgotten, forgotten) = (forgotten, [:])
        (piece.released, released) = (Array(released), [])
        return piece
    }

    /// Puts back what could not be published, unless there is something newer. Claims end by themselves.
    mutating func putBack(_ piece: Piece) {
        for policy in piece.policies where policies[policy.domain] == nil && forgotten[policy.domain] == nil {
            offer(policy)
        }
        // It was forgotten before anything that was fetched since.
        for (domain, time) in piece.forgotten where forgotten[domain] == nil && forgotten.count < Self.maxNames {
            forgotten[domain] = time
        }
    }
}
