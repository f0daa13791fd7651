// SPDX-License-Identifier: Apache-2.0
import Basics
import Control
import Core
import Logging

/// `pause` and `resume` on a running daemon: begins and ends a `Pause`, keeps it over restarts, and says so in the log
/// at its begin, at its end, and as long as it lasts.
actor PauseControl {
    /// Between two lines about a pause that goes on.
    private static let reminderInterval = Duration.seconds(3600)
    /// Between looks whether it is over.
    private static let lookInterval = Duration.seconds(1)

    private let pause: Pause
    private let file: PauseFile
    private let clock: any WallClock
    private let logger: Logger
    /// Called when a pause has begun or ended, for what rests on there being none.
    private let changed: @Sendable () -> Void
    /// When the log was last told of the pause that it was told of; nil once it was told of its end.
    private var saidAt: UTCTime?
    private let (begins, begin) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    init(
        _ pause: Pause, file: PauseFile, clock: any WallClock, logger: Logger,
        changed: @escaping @Sendable () -> Void
    ) {
        self.pause = pause
        self.file = file
        self.clock = clock
        self.logger = logger
        self.changed = changed
    }

    // MARK: Commands

    /// Begins a pause, or gives the one that is in force another end.
    func pause(for length: Duration) -> ControlReply {
        guard length >= .seconds(1), length <= Pause.maxLength else {
            return ControlReply(succeeded: false, lines: ["a pause lasts for 1s at least and for 7d at most"])
        }
        let now = clock.now
        let until = now + length
        start(until: until)
        var lines = ["paused until \(until): all mail goes, unprotected; sts-milter resume ends it"]
        do throws(PauseFileError) {
            try file.write(PauseFile.Kept(begunAt: now, until: until))
        } catch {
            logger.warning(
                "the pause could not be kept, a restart ends it",
                metadata: ["file": "\(printable(file.path))", "cause": "\(error)"])
            lines.append("it could not be kept in \(printable(file.path)) (\(error)): a restart ends it")
        }
        return ControlReply(succeeded: true, lines: lines)
    }

    /// Ends the pause.
    func resume() -> ControlReply {
        let wasPaused = pause.isInForce
        stop(by: "sts-milter resume")
        do throws(PauseFileError) { try file.remove() } catch {
            return ControlReply(
                succeeded: false,
                lines: [
                    "the pause is over, but \(printable(file.path)) cannot be removed (\(error)): "
                        + "remove it, or a restart goes on with the pause"
                ])
        }
        return ControlReply(succeeded: true, lines: [wasPaused ? "the pause is over" : "there was no pause"])
    }

    // MARK: Life

    /// Goes on with a pause that was in force at the last stop. To be called before anybody is served.
    func restore() {
        do throws(PauseFileError) {
            guard let kept = try file.read() else { return }
            if let until = kept.end(at: clock.now) { start(until: until) } else { forget() }
        } catch {
            logger.warning(
                "a pause was kept that cannot be used, it is ignored",
                metadata: ["file": "\(printable(file.path))", "cause": "\(error)"])
        }
    }

    /// Looks after pauses until the task is cancelled; sleeps while there is none.
    func run() async {
        for await _ in begins {
            while saidAt != nil, (try? await Task.sleep(for: Self.lookInterval)) != nil { look() }
        }
    }

    /// Says that a pause goes on, or that it is over.
    func look() {
        guard let last = saidAt else { return }
        guard let until = pause.until else {
            stop(by: "its time")
            return forget()
        }
        let now = clock.now
        guard now >= last + Self.reminderInterval else { return }
        saidAt = now
        logger.warning("still paused: all mail goes, unprotected", metadata: ["until": "\(until)"])
    }

    private func start(until: UTCTime) {
        pause.begin(until: until)
        changed()
        saidAt = clock.now
        logger.warning("paused: all mail goes, unprotected", metadata: ["until": "\(until)"])
        begin.yield()
    }

    private func stop(by what: String) {
        pause.stop()
        changed()
        guard saidAt != nil else { return }
        saidAt = nil
        logger.notice("the pause is over", metadata: ["ended_by": "\(what)"])
    }

    private func forget() {
        do throws(PauseFileError) { try file.remove() } catch {
            // Its end is in it, so that no restart goes on with it.
            logger.warning(
                "the file of a pause that is over cannot be removed",
                metadata: ["file": "\(printable(file.path))", "cause": "\(error)"])
        }
    }
}
