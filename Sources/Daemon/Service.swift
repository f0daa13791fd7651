// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Logging
import Synchronization

/// `sts-milter serve`: the daemon, from its settings to its last signal. Must be called on the main thread.
package enum Service {
    /// Exit codes that service managers and scripts know. - sysexits(3)
    package enum ExitCode: Int32, Sendable {
        case success = 0, unavailable = 69, software = 70, configuration = 78
    }

    /// Runs until SIGTERM or SIGINT; SIGHUP and SIGUSR1 reload.
    package static func run(_ source: SettingsSource) -> ExitCode {
        // Before any other thread exists, so that all inherit the mask and the main thread alone takes the signals:
        // libmilter waits for HUP, TERM and INT itself, and never gets one that the main thread waits for.
        let signals = blockSignals()
        raiseDescriptorLimit()
        let writer = LogWriter()
        defer { writer.flush() }
        let settings: Settings
        do { settings = try source.read() } catch {
            for problem in error.problems { writer.write("error: ", "\(problem)", isUrgent: true) }
            return .configuration
        }
        let sink = LineLogHandler.Sink(writer: writer, level: settings.logLevel, target: settings.logTarget)
        let logger = Logger(label: "sts-milter") { _ in LineLogHandler(sink: sink) }
        for warning in settings.warnings { logger.warning("\(warning)") }
        let daemon: Daemon
        let failed = Flag()
        do {
            daemon = try blocking {
                let daemon = try await Daemon(settings, logger: logger)
                try await daemon.start { error in
                    logger.critical("the milter ended", metadata: ["cause": "\(error)"])
                    failed.raise()
                    kill(getpid(), SIGTERM)
                }
                return daemon
            }
        } catch {
            logger.critical("cannot start: \(error)")
            return .unavailable
        }
        let notifier = ServiceNotifier()
        notifier.ready()
        serve(daemon, source, signals, sink, logger, notifier)
        notifier.stopping()
        blocking { await daemon.stop() }
        return failed.isRaised ? .software : .success
    }

    private static func serve(
        _ daemon: Daemon, _ source: SettingsSource, _ signals: sigset_t, _ sink: LineLogHandler.Sink, _ logger: Logger,
        _ notifier: ServiceNotifier
    ) {
        var signals = signals
        while true {
            var signal: Int32 = 0
            guard sigwait(&signals, &signal) == 0 else { continue }
            guard signal == SIGHUP || signal == SIGUSR1 else { return }
            notifier.reloading()
            do {
                let new = try source.read()
                try blocking { try await daemon.reload(new) }
                sink.apply(level: new.logLevel, target: new.logTarget)
                for warning in new.warnings { logger.warning("\(warning)") }
            } catch {
                logger.error("settings not reloaded, the old ones stay: \(error)")
            }
            notifier.ready()
        }
    }

    /// Each connection and each question under way needs a descriptor; libunbound takes its share at the start.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func blockSignals() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGHUP, SIGUSR1, SIGTERM, SIGINT] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        return set
    }
}

/// A flag that one thread raises and another looks at.
private final class Flag: Sendable {
    private let raised = Atomic(false)
    func raise() { raised.store(true, ordering: .releasing) }
    var isRaised: Bool { raised.load(ordering: .acquiring) }
}
