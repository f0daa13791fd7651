// SPDX-License-Identifier: Apache-2.0
import Basics
import CMilter
import Dispatch
import EventLog
import Glibc
import Logging
import Sockets
import Synchronization

/// The milter as a server: one a process, once a process, since libmilter keeps its state in globals.
///
/// ``open()`` takes the socket, ``run()`` serves until ``stop()``, ``drain(within:)`` lets callbacks under way finish.
/// The caller blocks HUP, INT, TERM and USR1 before any thread starts and takes them on the main thread by
/// sigwaitinfo(2): in a process with a milter sigwait(3) never returns, see ``neverWaitForSignals(_:_:)``.
package final class MilterServer: Sendable {
    /// How long libmilter may take to see that it has to stop; its own listener looks every 5 s.
    private static let stopLimit: Duration = .seconds(6)

    /// The tag in syslog; static, since openlog(3) keeps the pointer.
    static let name: StaticString = "sts-milter"

    let shared: MilterState
    private let started: MilterSettings
    private let isRunning = Atomic(false)
    /// Whether ``stop()`` was called: without it no end of libmilter is a success.
    private let isStopping = Atomic(false)

    /// - Parameters:
    ///   - settings: the socket and what it says of the protocol hold for the life of the process.
    ///   - log: takes the lines of verdicts, which are not made by way of the logger since each mail has one.
    package init(
        settings: MilterSettings, judge: any RecipientJudge, clock: any WallClock = SystemClock(), logger: Logger,
        log: LogSink
    ) {
        started = settings
        shared = MilterState(settings: settings, judge: judge, clock: clock, logger: logger, log: log)
    }

    /// Callbacks under way, for tests and status.
    package var callbacksUnderWay: Int { shared.callbacks.underWay }
    /// Connections of MTAs.
    package var connections: Int { shared.sessions.load(ordering: .acquiring) }

    /// Messages that MTAs have begun since the start.
    package var messages: Int { shared.callbacks.messages }

    /// Takes the socket, and never from an instance that lives; mail waits in the backlog until ``run()``.
    package func open() throws(MilterError) {
        guard serve(self) else { throw .secondServer }
        // libmilter speaks to syslog on its own account.
        Self.name.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) { openlog($0.baseAddress, LOG_PID, LOG_MAIL) }
        }
        let socket = started.socket
        if let obstacle = socket.obstacle { throw socketError(obstacle) }
        try checkGroup()
        let isAccepted =
            socket.description.withCString { smfi_setconn(UnsafeMutablePointer(mutating: $0)) } == MI_SUCCESS
        guard isAccepted, registerCallbacks(withHeaders: started.tlsRequiredNo) else { throw .libraryRefused }
        PartialPackets.end(within: started.packetTimeout)
        try takeSocket()
    }

    /// Serves until ``stop()``; blocks the calling thread, which should be one of its own.
    package func run() throws(MilterError) {
        isRunning.store(true, ordering: .releasing)
        defer { isRunning.store(false, ordering: .releasing) }
        let result = smfi_main()
        // A milter that is gone must never look like one that was stopped.
        guard !isStopping.load(ordering: .acquiring) else { return }
        throw result == MI_SUCCESS ? .endedUnasked : .ended
    }

    /// Whether an MTA would get an answer now: asks as one does, and so notices a listener that is there but does not
    /// accept. Blocks for some seconds at most.
    package func isServing() -> Bool {
        isRunning.load(ordering: .acquiring) && !isStopping.load(ordering: .acquiring) && started.socket.negotiates
    }

    /// Ends ``run()`` within a moment, callbacks under way excepted: see ``drain(within:)``. Cannot be undone in this process.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        DispatchQueue.global().async { _ = smfi_stop() }
        // smfi_stop and the listener wait for a connection or for 5 s: so they are given one.
        let deadline = ContinuousClock.now + Self.stopLimit
        while isRunning.load(ordering: .acquiring), ContinuousClock.now < deadline {
            _ = started.socket.isAnswered
            usleep(20_000)
        }
    }

    /// Waits until no callback is under way.
    /// - Returns: whether all have finished; the mail of those that have not is for its MTA to offer again.
    package func drain(within limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        while callbacksUnderWay > 0 {
            guard ContinuousClock.now < deadline else { return false }
            usleep(5_000)
        }
        return true
    }

    /// Puts new settings in force for messages that begin from now on; the socket stays as it is.
    package func apply(_ settings: MilterSettings) {
        var settings = settings
        // The steps of the protocol are the same for all connections of a process: libmilter keeps one table of them.
        settings.tlsRequiredNo = started.tlsRequiredNo
        shared.apply(settings)
    }

    /// Opens the socket so that at no time more than its mode allows may connect.
    private func takeSocket() throws(MilterError) {
        let mask = umask(~started.socketMode & 0o777)
        let result = smfi_opensocket(true)
        let reason = String(cString: strerror(errno))
        umask(mask)
        guard result == MI_SUCCESS else { throw socketError(.cannotListen(reason)) }
        guard case .unix(let path) = started.socket else { return }
        do throws(UnixSocketError) {
            try UnixSocket.open(path, to: started.socketMode, group: started.socketGroup)
        } catch { throw socketError(error) }
    }

    /// A group that there is not is told of before anything is taken.
    private func checkGroup() throws(MilterError) {
        guard case .unix = started.socket, let name = started.socketGroup else { return }
        do throws(UnixSocketError) { _ = try UnixSocket.groupID(name) } catch { throw socketError(error) }
    }

    private func socketError(_ cause: ListenError.Cause) -> MilterError {
        .socket(ListenError(cause, at: started.socket, setting: Self.setting))
    }

    private func socketError(_ error: UnixSocketError) -> MilterError {
        .socket(ListenError(error, at: started.socket, setting: Self.setting))
    }

    private static let setting = "milter.socket"
}

/// Why the milter does not serve, and what cures it.
package enum MilterError: Error, Sendable, Hashable, CustomStringConvertible {
    case secondServer, libraryRefused, ended, endedUnasked
    case socket(ListenError)

    package var description: String {
        switch self {
        case .secondServer: "libmilter serves one milter a process"
        case .libraryRefused: "libmilter refused to register the milter: memory, or another version than at build time"
        case .ended: "libmilter ended by an error of its own, which it wrote to syslog"
        case .endedUnasked: "libmilter stopped although nobody here had asked it to"
        case .socket(let error): "\(error)"
        }
    }
}
