// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import PostgreSQL

/// What the policy cache asks and announces.
extension PolicyExchange: PolicyPeers {
    /// How long a renewal is left to this machine: longer than a fetch takes.
    private static let renewalClaim = Duration.seconds(90)

    package func fetched(_ domain: DomainName, id: String, since time: UTCTime) async -> CachedPolicy? {
        await lookups.ask(for: domain, id: id, since: time)
    }

    package func claimRenewals(of domains: [DomainName]) async -> RenewalClaims? {
        guard lookups.isActive else { return nil }
        do throws(FleetError) {
            return try await connection.perform(within: limits.background) { [node] session throws(PostgresError) in
                let ours = try session.claim(domains, as: node, for: Self.renewalClaim)
                // After the claims: what was fetched under the last one is there.
                let rows = try session.policies(of: domains)
                return RenewalClaims(ours: ours, fetched: rows.compactMap(\.policy))
            }
        } catch {
            lookups.suspend()
            return nil
        }
    }

    package func offer(_ policy: CachedPolicy) {
        // Fetched without a record, in the place of one that could not be read: nobody would take it.
        guard STSRecord.isID(policy.id) else { return release(policy.domain) }
        enqueue { $0.offer(policy) }
    }
    package func release(_ domain: DomainName) { enqueue { $0.release(domain) } }
    package func announceForgotten(_ domain: DomainName, at time: UTCTime) async {
        do { try await forgotten?.keepForgotten(domain, at: time) } catch {
            logger.warning(
                "that a policy was forgotten cannot be written, and other machines hear of it only from this process",
                metadata: ["domain": "\(domain)", "cause": "\(error)"])
        }
        enqueue { $0.forget(domain, at: time) }
    }
}

extension PostgresRow {
    /// The policy in it; nil if it cannot be read. Who reads all rows says so.
    var policy: CachedPolicy? { (try? PolicyRow(self).policy()) ?? nil }
}
