// SPDX-License-Identifier: Apache-2.0

/// What one look at a domain's policy came to.
struct PolicyLook: Sendable {
    /// What became of the fetch from the policy host.
    enum Fetch: Sendable {
        /// None was due: mail only had the record looked at.
        case notDue
        /// There was nothing to fetch: no policy is known, and none announced.
        case notAnnounced
        /// The host gave a valid policy, or another machine had just fetched it.
        case done
        /// The host gave none.
        case failed
        /// An earlier fetch failed, and the pause after it is not over.
        case pausing
        /// A failure of our own kept us from it, which says nothing of the domain.
        case notTried
    }

    let found: PolicyLookup
    let fetch: Fetch

    init(_ found: PolicyLookup, _ fetch: Fetch) {
        self.found = found
        self.fetch = fetch
    }
}
