// SPDX-License-Identifier: Apache-2.0
import CMilter
import Dispatch
import Glibc
import Logging
import Names
import Synchronization

/// The milter as a server: one a process, once a process, since libmilter keeps its state in globals.
///
/// ``open()`` takes the socket, ``run()`` serves until ``stop()``, ``drain(within:)`` lets callbacks under way finish.
/// The caller blocks HUP, INT, TERM and USR1 before any thread starts and takes them on the main thread; libmilter
/// waits for the first three itself and would end on HUP.
package final class MilterServer: Sendable {
    /// How long libmilter may take to see that it has to stop; its own listener looks every 5 s.
    private static let stopLimit: Duration = .seconds(6)

    /// The tag in syslog; static, since openlog(3) keeps the pointer.
    static let name: StaticString = "sts-milter"

    let desk: Desk
    private let started: MilterSettings
    private let isRunning = Atomic(false)

    /// - Parameter settings: the socket and what it says of the protocol hold for the life of the process.
    package init(settings: MilterSettings, judge: any RecipientJudge, logger: Logger) {
        started = settings
        desk = Desk(settings: settings, judge: judge, logger: logger)
    }

    /// Callbacks under way, for tests and status.
    package var callbacksUnderWay: Int { desk.callbacks.load(ordering: .acquiring) }
    /// Connections of MTAs.
    package var connections: Int { desk.sessions.load(ordering: .acquiring) }

    /// Takes the socket, and never from an instance that lives; mail waits in the backlog until ``run()``.
    package func open() throws(MilterError) {
        guard serve(self) else { throw .secondServer }
        // libmilter speaks to syslog on its own account.
        Self.name.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) { openlog($0.baseAddress, LOG_PID, LOG_MAIL) }
        }
        let socket = started.socket
        if case .descriptor(let number) = socket {
            guard Self.isListening(number) else { throw .notListening(socket) }
        } else if socket.isAnswered {
            throw .alreadyServed(socket)
        }
        let group = try groupID()
        let isAccepted =
            socket.description.withCString { smfi_setconn(UnsafeMutablePointer(mutating: $0)) } == MI_SUCCESS
        guard isAccepted, registerCallbacks(withHeaders: started.tlsRequiredNo) else { throw .libraryRefused }
        PartialPackets.end(within: started.packetTimeout)
        try takeSocket(group)
    }

    /// Serves until ``stop()``; blocks the calling thread, which should be one of its own.
    package func run() throws(MilterError) {
        isRunning.store(true, ordering: .releasing)
        defer { isRunning.store(false, ordering: .releasing) }
        guard smfi_main() == MI_SUCCESS else { throw .ended }
    }

    /// Ends ``run()`` within a moment, callbacks under way excepted: see ``drain(within:)``. Cannot be undone in this process.
    package func stop() {
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

    /// Puts new settings in force for messages that begin from now on.
    /// - Returns: the names of settings that a restart is needed for; they stay as they were.
    package func apply(_ settings: MilterSettings) -> [String] {
        desk.apply(settings.keepingListener(of: started))
        return started.needingRestart(toBecome: settings)
    }

    /// Opens the socket so that at no time more than its mode allows may connect.
    private func takeSocket(_ group: gid_t?) throws(MilterError) {
        let mask = umask(~started.socketMode & 0o777)
        let result = smfi_opensocket(true)
        let reason = String(cString: strerror(errno))
        umask(mask)
        guard result == MI_SUCCESS else { throw .cannotListen(started.socket, reason) }
        guard case .unix(let path) = started.socket else { return }
        if let group, chown(path, uid_t.max, group) != 0 { throw .noGroup(started.socketGroup ?? "", lastError()) }
        guard chmod(path, started.socketMode) == 0 else { throw .cannotListen(started.socket, lastError()) }
    }

    private func groupID() throws(MilterError) -> gid_t? {
        guard case .unix = started.socket, let name = started.socketGroup else { return nil }
        if let number = gid_t(name) { return number }
        guard let entry = getgrnam(name) else { throw .noGroup(name, "no such group") }
        return entry.pointee.gr_gid
    }

    private static func isListening(_ descriptor: Int32) -> Bool {
        var answer: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0
    }
}

/// Why the milter does not serve, and what cures it.
package enum MilterError: Error, Sendable, Hashable, CustomStringConvertible {
    case secondServer, libraryRefused, ended
    case alreadyServed(ListenAddress), notListening(ListenAddress)
    case cannotListen(ListenAddress, String), noGroup(String, String)

    package var description: String {
        switch self {
        case .secondServer: "libmilter serves one milter a process"
        case .libraryRefused: "libmilter refused to register the milter: memory, or another version than at build time"
        case .ended: "libmilter ended by an error of its own, which it wrote to syslog"
        case .alreadyServed(let socket):
            "somebody answers at \(socket) already: stop the other instance, or set another milter.socket"
        case .notListening(let socket):
            "\(socket) is not a listening socket: start by the socket unit, or set another milter.socket"
        case .cannotListen(let socket, let why):
            "cannot listen at \(socket): \(why): see to the directory and its owner, or set another milter.socket"
        case .noGroup(let name, let why):
            "cannot give the socket to group '\(printable(name))': \(why): see to milter.socket_group"
        }
    }
}

private func lastError() -> String { String(cString: strerror(errno)) }
