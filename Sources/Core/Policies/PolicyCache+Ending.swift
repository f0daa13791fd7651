// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

extension PolicyCache {
    /// The domains whose policy ran out of late because no fetch succeeded, and when: mail to them is unprotected.
    package var lostPolicies: [(domain: DomainName, at: UTCTime)] {
        let now = clock.now
        // A clock that was put right may have brought it back.
        return lost.all(at: now).filter { memory.life(of: $0.0)?.isLive(at: now) != true }.map { ($0, $1) }
    }

    /// Says once that a policy has ended. It stays in memory and in the store for a while: a clock that jumped ahead is
    /// put right again, and so is what it ended.
    func noteEnd(of domain: DomainName, _ life: PolicyLife) {
        let now = clock.now
        guard ended.value(for: domain, at: now) != life.expiresAt else { return }
        ended.set(life.expiresAt, for: domain, at: now, keepFor: Self.endSaidFor)
        let pause = pauses.value(for: domain, at: now)
        let putOff = putOffs.value(for: domain, at: now)
        if pause != nil || putOff != nil, life.mode != .none {
            lost.set(now, for: domain, at: now, keepFor: Self.lostFor)
            logger.warning(
                "policy ran out because every fetch failed, mail to the domain is unprotected",
                metadata: [
                    "domain": "\(domain)", "failures": "\(pause?.failures ?? 0)",
                    "cause": "\(pause?.failure.text ?? putOff ?? "")",
                ])
        }
        logger.notice(
            "policy expired",
            metadata: ["domain": "\(domain)", "mode": "\(life.mode)", "fetched": "\(life.fetchedAt)"])
    }
}
