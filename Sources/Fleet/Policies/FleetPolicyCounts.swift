// SPDX-License-Identifier: Apache-2.0

/// What became of policies between this machine and the others since the start, beside those that were taken.
package struct FleetPolicyCounts: Sendable, Hashable {
    /// Fetched here and published to the others.
    package var offered = 0
    /// Of others, and fetched here first, since what we hold is another one.
    package var fetchedFirst = 0
    /// Of others, and no policy that could be true.
    package var refused = 0
    /// Forgotten, as an operator said elsewhere.
    package var forgotten = 0

    package init() {}
}
