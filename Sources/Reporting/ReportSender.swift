// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

/// Sends what is due: side by side and in shares, so that no destination and no policy domain holds up another.
package struct ReportSender: Sendable {
    /// Deliveries under way at a time.
    static let maxDeliveries = 32
    /// Deliveries under way to one host at a time.
    static let maxPerHost = 2
    /// Deliveries under way to hosts below one registrable domain at a time.
    static let maxPerSite = 4
    /// Deliveries under way at a time of reports for policy domains below one registrable domain.
    static let maxPerSource = 2
    /// How long a delivery belongs to us without a word: longer than any delivery takes.
    static let lease = Duration.seconds(30 * 60)
    /// Between looks for what has become due while deliveries are under way.
    private static let lookInterval = Duration.seconds(5)

    package typealias Listener = @Sendable (Delivery, DeliveryConclusion) -> Void

    private enum Event: Sendable { case carried, lookAgain }

    private let outbox: any ReportOutbox
    private let carrier: any ReportCarrier
    private let copier: (any ReportCopier)?
    /// The copies under way.
    private let copies = CopyTasks()
    private let clock: any WallClock
    private let logger: Logger
    private let owner: DeliveryOwner

    /// - Parameters:
    ///   - copier: keeps copies of what was accepted; nil keeps none.
    ///   - owner: a name that no other process has or had.
    package init(
        outbox: any ReportOutbox, carrier: any ReportCarrier, copier: (any ReportCopier)? = nil, clock: any WallClock,
        logger: Logger, owner: String
    ) {
        self.outbox = outbox
        self.carrier = carrier
        self.copier = copier
        self.clock = clock
        self.logger = logger
        self.owner = DeliveryOwner(name: owner, lease: Self.lease)
    }

    /// Sends until nothing is due. When the task is cancelled, what is past the point of no return goes on, and nothing
    /// else begins.
    /// - Parameter concluded: told of each attempt, instead of the log.
    package func send(_ order: DeliveryOrder, concluded: Listener? = nil) async throws {
        var order = order
        order.limitPerHost = Self.maxPerHost
        order.limitPerSite = Self.maxPerSite
        order.limitPerSource = Self.maxPerSource
        var failure: (any Error)?
        await withTaskGroup(of: Event.self) { group in
            var underWay = 0
            group.addTask { await Self.lookAgain() }
            while true {
                order.limit = Self.maxDeliveries - underWay
                if order.limit > 0, failure == nil, !Task.isCancelled {
                    do { underWay += try await begin(order, in: &group, concluded) } catch { failure = error }
                }
                guard underWay > 0, let event = await group.next() else { break }
                switch event {
                case .carried: underWay -= 1
                case .lookAgain: if !Task.isCancelled { group.addTask { await Self.lookAgain() } }
                }
            }
            group.cancelAll()
        }
        await copies.finish()
        if let failure { throw failure }
    }

    private static func lookAgain() async -> Event {
        try? await Task.sleep(for: lookInterval)
        return .lookAgain
    }

    /// - Returns: how many deliveries are under way more than before.
    private func begin(
        _ order: DeliveryOrder, in group: inout TaskGroup<Event>, _ concluded: Listener?
    ) async throws -> Int {
        let claim = try await outbox.claim(order, for: owner, at: clock.now)
        for delivery in claim.lost {
            logger.warning(
                "a report may have been delivered before the program ended, and is not sent again",
                metadata: delivery.metadata.merging([
                    "cure":
                        "if its receiver lacks it: sts-milter report send --again --day \(delivery.day) --domain \(delivery.domain)"
                ]) { old, _ in old })
        }
        for delivery in claim.deliveries {
            group.addTask {
                if let conclusion = await carry(delivery) { (concluded ?? log)(delivery, conclusion) }
                return .carried
            }
        }
        return claim.deliveries.count
    }

    private func carry(_ delivery: Delivery) async -> DeliveryConclusion? {
        do {
            guard let report = try await outbox.report(of: delivery) else {
                // Nothing that this program does leads here.
                let gone = DeliveryConclusion(.expired, nextTry: clock.now, text: "the report is gone")
                return await conclude(delivery, gone)
            }
            let result = await send(report, delivery)
            if case .accepted = result, let copier { await copies.begin { await copier.copy(report) } }
            return await conclude(delivery, RetryPlan.conclusion(of: result, for: delivery, at: clock.now))
        } catch {
            warn(delivery, error)
            return nil
        }
    }

    /// Both steps, and the mark between them.
    private func send(_ report: CompressedReport, _ delivery: Delivery) async -> SendResult {
        switch await carrier.prepare(report, for: delivery.destination) {
        case .ended(let result): return result
        case .held(let held):
            guard await markSending(delivery) else {
                await held.withdraw()
                return .withdrawn
            }
            // Past the point of no return: a stop does not reach it.
            return await Task { await held.finish() }.value
        }
    }

    private func markSending(_ delivery: Delivery) async -> Bool {
        guard !Task.isCancelled else { return false }
        do { return try await outbox.markSending(delivery, by: owner, at: clock.now) } catch {
            warn(delivery, error)
            return false
        }
    }

    private func conclude(_ delivery: Delivery, _ conclusion: DeliveryConclusion?) async -> DeliveryConclusion? {
        do { try await outbox.conclude(delivery, as: conclusion, by: owner, at: clock.now) } catch {
            // It stays ours until the lease ends, and is then tried again, or uncertain if it was under way.
            warn(delivery, error)
        }
        return conclusion
    }

    private func warn(_ delivery: Delivery, _ error: any Error) {
        logger.warning(
            "what became of a report cannot be read or written",
            metadata: delivery.metadata.merging(["cause": "\(error)"]) { old, _ in old })
    }

    @Sendable private func log(_ delivery: Delivery, _ conclusion: DeliveryConclusion) {
        let level: Logger.Level =
            switch conclusion.state {
            case .accepted, .deferred, .waiting, .sending, .suppressed: .info
            case .refused, .uncertain, .expired: .warning
            }
        var metadata = delivery.metadata
        metadata["state"] = "\(conclusion.state.rawValue)"
        metadata["text"] = "\(conclusion.text)"
        if conclusion.state == .deferred { metadata["next_try"] = "\(conclusion.nextTry)" }
        logger.log(level: level, "report carried", metadata: metadata)
    }
}

/// Copies, one after the other, so that they take no connections and processes that reports need.
private final class CopyTasks: Sendable {
    private struct State {
        var last: Task<Void, Never>?
        var waiting = 0
    }

    /// Copies that may wait for their turn; past that deliveries wait for them, since each holds its report.
    private static let maxWaiting = 200

    private let state = Locked(State())

    func begin(_ work: @escaping @Sendable () async -> Void) async {
        let (task, isCrowded) = state.withLock { state in
            let previous = state.last
            let task = Task {
                await previous?.value
                await work()
                self.state.withLock { $0.waiting -= 1 }
            }
            state.last = task
            state.waiting += 1
            return (task, state.waiting > Self.maxWaiting)
        }
        if isCrowded { await task.value }
    }

    func finish() async { await state.withLock { $0.last }?.value }
}

extension Delivery {
    /// For the log, which has no local parts of addresses.
    fileprivate var metadata: Logger.Metadata {
        let place =
            switch destination {
            case .mail(let mailbox): "mailto:...@\(mailbox.domain)"
            case .https(let url, _): url
            }
        return [
            "day": "\(day)", "domain": "\(domain)", "destination": "\(printable(place))", "attempt": "\(attempts + 1)",
        ]
    }
}
