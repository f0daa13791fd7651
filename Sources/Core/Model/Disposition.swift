// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why nobody waits for a lookup any longer.
package enum WaitEnding: Error, Sendable, Hashable {
    /// It took as long as anybody may wait: the doing of those who were asked.
    case late
    /// The time of the message, or the domain's share of the places to wait, is used up: the doing of those who were
    /// asked and took so long.
    case spent
    /// We had no room for anybody to wait: our own doing.
    case crowded
}

/// What was done about a recipient's mail, and upon which verdict.
package struct Disposition: Sendable {
    package let judgement: Judgement
    package let hops: [NextHop]
    /// The domain of the recipient's address, whose mail takes these next hops.
    package let recipientDomain: DomainName?
    /// Whether the mail was kept from going on: it does not become a session of the MTA now.
    package let isHeldBack: Bool

    package init(_ judgement: Judgement, of hops: [NextHop], recipientDomain: DomainName? = nil, isHeldBack: Bool) {
        self.judgement = judgement
        self.hops = hops
        self.recipientDomain = recipientDomain
        self.isHeldBack = isHeldBack
    }

    package var verdict: Verdict { judgement.verdict }

    /// The same, when the mail was let go after all.
    package var released: Disposition {
        Disposition(judgement, of: hops, recipientDomain: recipientDomain, isHeldBack: false)
    }
}
