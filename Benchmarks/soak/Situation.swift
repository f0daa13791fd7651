// SPDX-License-Identifier: Apache-2.0
import Basics

/// What is going on, so that each answer is judged by the faults under which it was asked for.
final class Situation: Sendable {
    struct Moment: Sendable {
        /// Counts lives of the daemon.
        var life = 0
        var isUp = false
        /// Whether routes and hosts may be unknown to the daemon: mail may then wait.
        var isInDoubt: Bool { fault?.causesDoubt == true || doubtUntil.map { ContinuousClock.now < $0 } == true }
        var fault: Fault?
        fileprivate var doubtUntil: ContinuousClock.Instant?
    }

    /// How long a failed lookup is believed: of a name 30 s, of a host `probe.failing_for`.
    private static let doubtAfterDNS = Duration.seconds(40)
    /// How long the first looks at hosts may take after a start, with all else going on.
    private static let doubtAfterStart = Duration.seconds(10)

    private let moment = Locked(Moment())
    private let stopping = Locked(false)

    var now: Moment { moment.withLock { $0 } }
    /// Whether all load ends.
    var isStopping: Bool { stopping.withLock { $0 } }

    func stop() { stopping.withLock { $0 = true } }

    func begins(_ fault: Fault) { moment.withLock { $0.fault = fault } }

    func ends(_ fault: Fault) {
        moment.withLock {
            $0.fault = nil
            if fault.causesDoubt { $0.extendDoubt(Self.doubtAfterDNS) }
        }
    }

    func daemonStarted() {
        moment.withLock {
            $0.life += 1
            $0.isUp = true
            $0.extendDoubt(Self.doubtAfterStart)
        }
    }

    /// To be called before the end.
    func daemonEnds() { moment.withLock { $0.isUp = false } }
}

extension Situation.Moment {
    fileprivate mutating func extendDoubt(_ duration: Duration) {
        let end = ContinuousClock.now + duration
        doubtUntil = max(doubtUntil ?? end, end)
    }

    /// Whether a connection that was used from then on until `self` may have broken.
    func excusesBreak(since before: Self) -> Bool { !isUp || !before.isUp || life != before.life }
}
