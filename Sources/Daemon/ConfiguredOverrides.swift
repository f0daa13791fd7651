// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import Logging
import Preload
import Settings

/// The policies that need no network: the blocks `[[pin]]` of the settings, and those of the preload list.
final class ConfiguredOverrides: PolicyOverrides {
    /// Between looks whether a new list is due.
    private static let lookInterval = Duration.seconds(30)

    private let pins = Replicated(LocalPolicies())
    private let preload: PreloadLists
    private let clock: any WallClock

    /// - Parameter settings: the list is kept beside the store, wherever that is at the start.
    init(_ settings: Settings, documents: any DocumentSource, clock: any WallClock, logger: Logger) {
        preload = PreloadLists(
            directory: settings.storeDirectory, documents: documents, clock: clock, logger: logger)
        self.clock = clock
    }

    /// Takes new settings. What is on disk serves when this returns; the network is asked in the background.
    func apply(_ settings: Settings) async {
        pins.change { $0 = settings.localPolicies }
        await preload.apply(settings.preload)
        Task { [preload] in await preload.refreshIfDue() }
    }

    /// Looks for new lists until the task is cancelled.
    func run() async {
        await every(Self.lookInterval) { await preload.refreshIfDue() }
    }

    func pinned(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? {
        pins.read { $0.policy(for: domain, at: time) }
    }

    func preloaded(_ domain: DomainName, at time: UTCTime) -> CachedPolicy? { preload.policy(for: domain, at: time) }

    /// The end of the preload list that is held, and how many policies it has.
    var list: (expires: UTCTime, count: Int)? { preload.list.map { ($0.expires, $0.policies.count) } }

    /// What an administrator looks at: one line each.
    var status: [String] {
        let now = clock.now
        let pins = pins.value.all
        let ended = pins.count { !$0.applies(at: now) }
        var lines: [String] = []
        if !pins.isEmpty {
            lines.append(
                (pins.count == 1 ? "1 policy of your own" : "\(pins.count) policies of your own")
                    + (ended == 0 ? "" : pins.count == 1 ? ", which has ended" : ", \(ended) of them have ended"))
        }
        if let list = preload.list {
            lines.append(
                "preload list of \(list.timestamp), \(list.policies.count) policies, "
                    + (list.isExpired(at: now)
                        ? "expired at \(list.expires) and ignored" : "expires at \(list.expires)"))
        }
        return lines
    }
}
