// SPDX-License-Identifier: Apache-2.0
import Basics
import CClock
import Glibc
import Logging
import Synchronization

/// The time by which policies live: that of the machine's clock at the start and what has passed since, so that a clock
/// that is set wrongly for a while neither ends a policy nor makes it live longer.
///
/// Small corrections are followed. A jump is followed only while the kernel says that the clock is synchronized; until
/// then it is said once, and time goes on as it did. One read of a clock a question, as with any other.
package final class SteadyClock: WallClock {
    /// What the machine tells, so that tests can.
    package struct Machine: Sendable {
        /// The time of the day in nanoseconds since 1970.
        package var wall: @Sendable () -> Int64
        /// Nanoseconds since some point in the past, sleep of the machine included.
        package var elapsed: @Sendable () -> Int64
        /// Whether somebody keeps the clock right; nil if nobody says.
        package var isSynchronized: @Sendable () -> Bool?

        package init(
            wall: @escaping @Sendable () -> Int64, elapsed: @escaping @Sendable () -> Int64,
            isSynchronized: @escaping @Sendable () -> Bool?
        ) {
            self.wall = wall
            self.elapsed = elapsed
            self.isSynchronized = isSynchronized
        }

        package static let real = Machine(
            wall: { nanoseconds(CLOCK_REALTIME) }, elapsed: { nanoseconds(CLOCK_BOOTTIME) },
            isSynchronized: {
                switch CClock_is_synchronized() {
                case 0: false
                case 1: true
                default: nil
                }
            })
    }

    private static let nanosecondsPerSecond: Int64 = 1_000_000_000
    /// What is no jump: leap seconds, a clock that is slewed.
    private static let smallSteps = Duration.seconds(60)
    /// How far the clock may be ahead of the last entry of the store at the start: a host is off for some time.
    static let longestAbsence = Duration.seconds(30 * 86_400)

    private let machine: Machine
    private let logger: Logger
    /// What is added to the elapsed time, in nanoseconds.
    private let offset: Atomic<Int64>
    /// Whether the machine's clock is not believed now.
    private let isHeld = Atomic(false)

    package init(_ machine: Machine = .real, logger: Logger) {
        self.machine = machine
        self.logger = logger
        offset = Atomic(machine.wall() - machine.elapsed())
    }

    package var now: UTCTime { Self.time(machine.elapsed() &+ offset.load(ordering: .relaxed)) }

    /// Distrusts a clock at the start that nobody keeps right and that is far ahead of what the store has seen last: the
    /// policies in it would all have ended.
    package func start(after newest: UTCTime?) {
        let wall = Self.time(machine.wall())
        guard let newest, wall - newest > Self.longestAbsence, machine.isSynchronized() == false else { return }
        offset.store(
            newest.secondsSinceEpoch &* Self.nanosecondsPerSecond &- machine.elapsed(), ordering: .relaxed)
        isHeld.store(true, ordering: .relaxed)
        logger.warning(
            "the clock is far ahead of the store and not synchronized: the stored policies are believed, not the clock",
            metadata: ["clock": "\(wall)", "newest": "\(newest)"])
    }

    /// Compares with the machine's clock; to be called now and then, by one task.
    package func check() {
        let wall = machine.wall()
        let steady = machine.elapsed() &+ offset.load(ordering: .relaxed)
        let step = Duration.nanoseconds(wall &- steady)
        let isSmall = step <= Self.smallSteps && step >= .zero - Self.smallSteps
        let metadata: Logger.Metadata = [
            "clock": "\(Self.time(wall))", "expected": "\(Self.time(steady))",
        ]
        if isSmall || machine.isSynchronized() == true {
            offset.add(wall &- steady, ordering: .relaxed)
            let wasHeld = isHeld.exchange(false, ordering: .relaxed)
            if !isSmall {
                logger.warning("the clock jumped and is synchronized: policies follow it", metadata: metadata)
            } else if wasHeld {
                logger.notice("the clock is believed again", metadata: metadata)
            }
        } else if !isHeld.exchange(true, ordering: .relaxed) {
            logger.warning(
                "the clock jumped and is not synchronized: policies go on by the time that has passed",
                metadata: metadata)
        }
    }

    private static func time(_ nanoseconds: Int64) -> UTCTime {
        UTCTime(secondsSinceEpoch: nanoseconds / nanosecondsPerSecond)
    }
}

private func nanoseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
}
