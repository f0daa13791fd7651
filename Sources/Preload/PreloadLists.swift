// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging

/// Holds the newest list that a trusted key signed: gets it, checks it, keeps it over restarts.
///
/// Whatever goes wrong with a new list, the one held stays; only its own end ends it.
package actor PreloadLists {
    package enum Outcome: Sendable, Equatable {
        case taken, unchanged
        case refused(String)
        /// No list is wanted.
        case off
    }

    /// A list made later than now by more than this is refused: it would keep all honest ones out.
    private static let clockTolerance = Duration.seconds(86_400)
    /// After a failure it is tried again this soon, unless the interval is shorter.
    private static let retryInterval = Duration.seconds(1800)
    /// So long before its end a list that is not replaced is warned of.
    private static let lastDays = Duration.seconds(3 * 86_400)
    /// A key has some thousand octets.
    private static let ringLimitBytes = 4 << 20

    private struct Held: Sendable {
        let list: PreloadList
        let signature: GoodSignature
        let earlyAdopter: Bool
    }

    private let directory: String
    private let scratch: String
    private let documents: any DocumentSource
    private let clock: any WallClock
    private let logger: Logger
    private let jitter: @Sendable () -> Double
    private var settings: PreloadSettings?
    /// The key ring as it was when the list held was last checked.
    private var ring: [UInt8] = []
    private var due = UTCTime(secondsSinceEpoch: 0)
    private var hasSaidExpired = false
    private var hasSaidEndsSoon = false
    /// Refreshes go one after the other.
    private var lastRefresh: Task<Outcome, Never>?
    private let held = Locked<Held?>(nil)

    /// - Parameters:
    ///   - directory: where the accepted list is kept; must exist.
    ///   - scratch: where signatures are checked; the same directory without it.
    ///   - jitter: a factor about 1 for each interval, so that not all ask the source at once.
    package init(
        directory: String, scratch: String? = nil, documents: any DocumentSource, clock: any WallClock, logger: Logger,
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0.9...1.1) }
    ) {
        self.directory = directory
        self.scratch = scratch ?? directory
        self.documents = documents
        self.clock = clock
        self.logger = logger
        self.jitter = jitter
    }

    /// The list's policy for a domain; asks memory only.
    package nonisolated func policy(for domain: DomainName, at time: UTCTime) -> CachedPolicy? {
        held.withLock { $0 }.flatMap { $0.list.policy(for: domain, at: time, earlyAdopter: $0.earlyAdopter) }
    }

    /// The list held, expired or not.
    package nonisolated var list: PreloadList? { held.withLock { $0?.list } }

    /// Takes new settings, or none, and a key ring that has changed. What was kept of this source serves at once; a file is read at once as well, a URL
    /// at the next ``refreshIfDue()``.
    package func apply(_ new: PreloadSettings?) async {
        let old = settings
        settings = new
        due = UTCTime(secondsSinceEpoch: 0)
        guard let new else { return held.withLock { $0 = nil } }
        // A ring that cannot be read says nothing against the list held.
        let newRing = (try? RegularFile.read(new.keyring, limitBytes: Self.ringLimitBytes)) ?? ring
        defer { ring = newRing }
        let isOtherRing = newRing != ring && KeptList(in: directory) != nil
        if old?.source != new.source || old?.keyring != new.keyring || isOtherRing {
            let kept = await loadKept(new)
            held.withLock { $0 = kept }
        } else if let current = held.withLock({ $0 }) {
            let changed = Held(list: current.list, signature: current.signature, earlyAdopter: new.earlyAdopter)
            held.withLock { $0 = changed }
        }
        if case .file = new.source { _ = await refresh() }
        tellExpiry()
    }

    /// Serves what is kept of this source and looks for nothing newer: for commands beside a daemon.
    package func serveKept(_ settings: PreloadSettings?) async {
        guard let settings else { return }
        let kept = await loadKept(settings)
        held.withLock { $0 = kept }
    }

    /// Looks for a new list if the interval has passed; to be called now and then.
    package func refreshIfDue() async {
        tellExpiry()
        if settings != nil, clock.now >= due { _ = await refresh() }
    }

    /// Looks for a new list now.
    package func refresh() async -> Outcome {
        let before = lastRefresh
        let task = Task {
            _ = await before?.value
            return await refreshInTurn()
        }
        lastRefresh = task
        return await task.value
    }

    private func refreshInTurn() async -> Outcome {
        guard let settings else { return .off }
        // Before the wait, so that no second look begins meanwhile.
        due = clock.now + settings.interval * jitter()
        do throws(Refusal) {
            let outcome = try await take(settings)
            tellExpiry()
            return outcome
        } catch {
            due = min(due, clock.now + Self.retryInterval * jitter())
            let list = list
            logger.warning(
                list == nil ? "preload list not taken, there is none" : "preload list not taken, the one held stays",
                metadata: [
                    "source": "\(printable(settings.source.description))", "cause": "\(error.text)",
                    "held": "\(list?.timestamp.description ?? "none")",
                ])
            return .refused(error.text)
        }
    }

    private struct Refusal: Error {
        let text: String
    }

    private func take(_ settings: PreloadSettings) async throws(Refusal) -> Outcome {
        let text: [UInt8]
        let signature: [UInt8]
        do throws(DocumentError) {
            signature = try await document(settings.signature, SignatureChecker.limitBytes)
            text = try await document(settings.source, PreloadList.limitBytes)
        } catch { throw Refusal(text: error.description) }
        let new = try await check(text, signature, settings)
        // The settings may have changed while the network was asked.
        guard settings == self.settings else { return .unchanged }
        let now = clock.now
        if let old = held.withLock({ $0 }) {
            try Self.refuseOlder(new, than: old)
            if new.list == old.list, new.signature == old.signature { return .unchanged }
        }
        guard new.list.timestamp <= now + Self.clockTolerance else {
            throw Refusal(text: "its timestamp \(new.list.timestamp) lies in the future; look at both clocks")
        }
        guard !new.list.isExpired(at: now) else { throw Refusal(text: "it expired at \(new.list.expires)") }
        held.withLock { $0 = new }
        hasSaidExpired = false
        hasSaidEndsSoon = false
        tell(new, settings)
        keep(KeptList(source: settings.source.description, signature: signature, text: text))
        return .taken
    }

    /// Who can exchange the source but not sign could otherwise bring back a list that protects fewer domains.
    private static func refuseOlder(_ new: Held, than old: Held) throws(Refusal) {
        guard new.list.timestamp >= old.list.timestamp else {
            throw Refusal(text: "older than the one held: \(new.list.timestamp), not \(old.list.timestamp)")
        }
        guard new.signature.madeAt >= old.signature.madeAt else {
            throw Refusal(
                text: "signed before the one held: \(new.signature.madeAt), not \(old.signature.madeAt)")
        }
    }

    private func check(
        _ text: [UInt8], _ signature: [UInt8], _ settings: PreloadSettings
    ) async throws(Refusal) -> Held {
        // The signature first: nothing that is not signed is parsed.
        let good: GoodSignature
        do throws(SignatureError) {
            good = try await SignatureChecker(keyring: settings.keyring)
                .check(text, signature: signature, scratch: scratch)
        } catch { throw Refusal(text: error.description) }
        do throws(PreloadListError) {
            return Held(list: try PreloadList(text), signature: good, earlyAdopter: settings.earlyAdopter)
        } catch { throw Refusal(text: error.description) }
    }

    private func document(
        _ location: PreloadSettings.Location, _ limitBytes: Int
    ) async throws(DocumentError) -> [UInt8] {
        switch location {
        case .file(let path):
            do { return try RegularFile.read(path, limitBytes: limitBytes) } catch {
                throw DocumentError("\(printable(path)): \(error)")
            }
        case .url(let url): return try await documents.document(at: url, limitBytes: limitBytes)
        }
    }

    // MARK: Over restarts

    private func loadKept(_ settings: PreloadSettings) async -> Held? {
        guard let kept = KeptList(in: directory), kept.source == settings.source.description else { return nil }
        do throws(Refusal) {
            // Checked anew: the key ring may have changed, and so may the file.
            let held = try await check(kept.text, kept.signature, settings)
            logger.info("kept preload list read", metadata: ["timestamp": "\(held.list.timestamp)"])
            return held
        } catch {
            logger.warning("kept preload list not used", metadata: ["cause": "\(error.text)"])
            return nil
        }
    }

    private func keep(_ kept: KeptList) {
        do { try kept.write(to: directory) } catch {
            logger.error(
                "preload list could not be kept, a restart will need its source",
                metadata: ["directory": "\(directory)", "cause": "\(error)"])
        }
    }

    // MARK: What the operator is told

    private func tell(_ held: Held, _ settings: PreloadSettings) {
        for warning in held.list.warnings {
            logger.notice("preload list has a defect", metadata: ["entry": "\(warning)"])
        }
        logger.notice(
            "preload list taken",
            metadata: [
                "source": "\(printable(settings.source.description))", "policies": "\(held.list.policies.count)",
                "timestamp": "\(held.list.timestamp)", "expires": "\(held.list.expires)",
                "key": "\(printable(held.signature.fingerprint, limit: 80))",
            ])
    }

    /// Warns once of a list that soon ends, and once of one that has.
    private func tellExpiry() {
        guard let list else { return }
        let now = clock.now
        if list.isExpired(at: now) {
            guard !hasSaidExpired else { return }
            hasSaidExpired = true
            logger.warning(
                "preload list has expired and is ignored, its domains are protected by their own policies only",
                metadata: ["expired": "\(list.expires)", "policies": "\(list.policies.count)"])
        } else if now + Self.lastDays >= list.expires, !hasSaidEndsSoon {
            hasSaidEndsSoon = true
            logger.warning("preload list ends soon and has no successor yet", metadata: ["expires": "\(list.expires)"])
        }
    }
}
