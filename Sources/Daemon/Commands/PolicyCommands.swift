// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Core
import MTASTS

/// `policy forget` and `policy refresh`, on the policies of a running daemon, or of the store while none is running.
struct PolicyCommands: Sendable {
    private let policyCache: PolicyCache
    private let forgetHosts: @Sendable () -> Void

    /// - Parameter forgetHosts: has routes and hosts looked at anew, where there is a memory of them.
    init(policyCache: PolicyCache, forgetHosts: @escaping @Sendable () -> Void = {}) {
        self.policyCache = policyCache
        self.forgetHosts = forgetHosts
    }

    /// - Parameter isCached: whether there is a policy of a domain's to forget.
    func forget(_ domains: [DomainName], isCached: (DomainName) -> Bool) async -> ControlReply {
        await Self.forget(domains, isCached: isCached, by: policyCache.forget) {
            "forgotten in memory, but not in the store: \($0)"
        }
    }

    /// - Parameter failure: what is told of a domain that could not be forgotten, given why.
    static func forget(
        _ domains: [DomainName], isCached: (DomainName) async -> Bool, by forget: (DomainName) async throws -> Void,
        failure: (String) -> String
    ) async -> ControlReply {
        var lines: [String] = []
        var succeeded = true
        for domain in domains {
            let wasCached = await isCached(domain)
            do {
                try await forget(domain)
                lines.append(
                    wasCached
                        ? "\(domain): forgotten" : "\(domain): no policy was cached; what else was known is forgotten")
            } catch {
                succeeded = false
                lines.append("\(domain): " + failure(printable("\(error)")))
            }
        }
        return ControlReply(succeeded: succeeded, lines: lines)
    }

    func refresh(_ domains: [DomainName]) async -> ControlReply {
        var lines: [String] = []
        var succeeded = true
        for domain in domains {
            let began = policyCache.now
            switch await policyCache.refresh(domain) {
            case .policy(let cached) where cached.fetchedAt < began:
                succeeded = false
                let why = policyCache.lastFailure(of: domain).map { "\($0.type.rawValue): \($0.text)" }
                lines.append(
                    "\(domain): not fetched, \(why ?? "its record is gone or could not be read"); the cached policy stays"
                )
                lines.append(cached.summary)
            case .policy(let cached): lines.append(cached.summary)
            case .absent: lines.append("\(domain): no policy")
            case .failed(let failure):
                succeeded = false
                lines.append("\(domain): \(failure.type.rawValue): \(failure.text)")
            case .unknown(let text), .unreadable(let text):
                succeeded = false
                lines.append("\(domain): could not tell: \(text)")
            }
        }
        // The operator refreshes because something changed: hosts are looked at anew as well.
        forgetHosts()
        return ControlReply(succeeded: succeeded, lines: lines)
    }
}

extension CachedPolicy {
    /// One line for a person.
    package var summary: String {
        "\(domain): mode \(policy.mode.rawValue), id \(id), fetched \(fetchedAt), expires \(expiresAt), mx \(policy.hosts)"
    }
}

extension LocalPolicy {
    /// One line for a person.
    package var summary: String {
        let reach = includesSubdomains ? " and all domains below" : ""
        let end = until.map { ", until \($0)" } ?? ""
        let why = reason.map { ", \(printable($0))" } ?? ""
        return "\(domain)\(reach): pinned, mode \(policy.mode.rawValue)\(end), mx \(policy.hosts)\(why)"
    }
}

extension Policy {
    /// The first of its patterns; hostile policies have thousands.
    fileprivate var hosts: String {
        mx.prefix(10).map(\.description).joined(separator: " ") + (mx.count > 10 ? " and \(mx.count - 10) more" : "")
    }
}
