// SPDX-License-Identifier: Apache-2.0
import Basics

/// Keeps policies across restarts, and when mail last asked for them.
package protocol PolicyStore: Sendable {
    /// The caller keeps the policy in memory and tries again when this throws.
    func save(_ policy: CachedPolicy) async throws
    /// The caller keeps the uses in memory and tries again when this throws.
    func save(uses: [DomainName: UTCTime]) async throws
    /// Removes the domain's policy and its use.
    func remove(_ domain: DomainName) async throws
}
