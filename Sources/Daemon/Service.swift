// SPDX-License-Identifier: Apache-2.0
import Core
import EventLog
import Glibc
import Logging
import Settings

/// `sts-milter serve`: the daemon, from its settings to its last signal. Must be called on the main thread.
package enum Service {
    /// Exit codes that service managers and scripts know. - sysexits(3)
    package enum ExitCode: Int32, Sendable {
        case success = 0, unavailable = 69, software = 70, configuration = 78
    }

    /// How long a reload under way may take to end at a stop; it asks nobody any more.
    private static let reloadTime = Duration.seconds(6)

    /// Runs until SIGTERM or SIGINT; SIGUSR1 and SIGHUP reload.
    /// - Parameter mapLimit: how long mail may wait for its question to the policy map; another one for tests.
    package static func run(_ source: SettingsSource, mapLimit: Duration = MapUse.usualLimit) -> ExitCode {
        // Before any other thread exists, so that all inherit the mask and the main thread alone takes the signals.
        // What comes before it waits for them is kept by the kernel.
        let signals = MainThreadSignals.take()
        // A peer that hung up is an error to be told, not the end of us.
        signal(SIGPIPE, SIG_IGN)
        let mainThread = pthread_self()
        raiseDescriptorLimit()
        let writer = LogWriter()
        defer { writer.flush() }
        let settings: Settings
        do { settings = try source.read() } catch {
            let sink = LogSink(writer: writer, level: .info, target: .stderr)
            let logger = Logger(label: "sts-milter") { _ in LineLogHandler(sink: sink) }
            for problem in error.problems { logger.critical("cannot start: \(problem)") }
            return .configuration
        }
        let sink = LogSink(writer: writer, level: settings.logLevel, target: settings.logTarget)
        let logger = Logger(label: "sts-milter") { _ in LineLogHandler(sink: sink) }
        warn(of: settings, logger)
        if geteuid() == 0 {
            logger.warning("running as root, which is not needed: give the service a user of its own")
        }
        let daemon: Daemon
        do {
            daemon = try runAndWait {
                let daemon = try await Daemon(settings, logger: logger, log: sink, mapLimit: mapLimit)
                try await daemon.start()
                return daemon
            }
        } catch {
            logger.critical("cannot start: \(error)")
            return .unavailable
        }
        let stop = AsyncStream<Never>.makeStream()
        let running = Task {
            // To the main thread alone: one sent to the process might be taken by another.
            defer { pthread_kill(mainThread, SIGTERM) }
            try await daemon.run { for await _ in stop.stream {} }
        }
        let notifier = ServiceNotifier()
        notifier.ready()
        let watch = Task { await notifier.watch { await daemon.isServing } }
        defer { watch.cancel() }
        let reloads = Reloads {
            notifier.reloading()
            await reload(daemon, source, sink, logger)
            notifier.ready()
        }
        waitForEnd(signals) { reloads.request() }
        notifier.stopping()
        let underWay = reloads.end()
        stop.continuation.finish()
        return runAndWait {
            let end = await running.result
            if await underWay?.hasEnded(within: reloadTime) == false { logger.warning("a reload was cut off") }
            return switch end {
            case .success: .success
            case .failure: .software
            }
        }
    }

    /// Returns at SIGTERM or SIGINT. Does nothing else than wait, so that no signal waits for work.
    private static func waitForEnd(_ signals: sigset_t, reload: () -> Void) {
        var signals = signals
        while true {
            // Not sigwait(3), which libmilter's thread is kept from by one that never returns.
            switch sigwaitinfo(&signals, nil) {
            case SIGHUP, SIGUSR1: reload()
            case SIGTERM, SIGINT: return
            // EINTR: a debugger, or a stop and its end.
            default: continue
            }
        }
    }

    private static func reload(
        _ daemon: Daemon, _ source: SettingsSource, _ sink: LogSink, _ logger: Logger
    ) async {
        do {
            let new = try source.read()
            try await daemon.reload(new)
            sink.apply(level: new.logLevel, target: new.logTarget)
            warn(of: new, logger)
        } catch is CancellationError {
            logger.info("settings not reloaded, since the daemon ends")
        } catch {
            daemon.noteReloadFailure(error)
            logger.error("settings not reloaded, the old ones stay: \(error)")
        }
    }

    private static func warn(of settings: Settings, _ logger: Logger) {
        for warning in settings.warnings { logger.warning("\(warning)") }
    }

    /// Each connection and each question under way needs a descriptor; libunbound takes its share at the start.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
