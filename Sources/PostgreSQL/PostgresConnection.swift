// SPDX-License-Identifier: Apache-2.0
import Basics
import Events
import Glibc

/// One connection to a PostgreSQL server, made when it is needed and made again when it is lost.
package final class PostgresConnection: Sendable {
    package typealias Work<Value> = @Sendable (PostgresSession) throws(PostgresError) -> Value
    package typealias Listener = @Sendable (Event) -> Void

    /// What a listener is told, on the connection's thread: it must not wait.
    package enum Event: Sendable, Hashable {
        case notice(PostgresNotice)
        /// A connection has begun: what was said before it may have been missed.
        case connected
        /// The connection is gone; nothing is heard until the next work makes one.
        case lost
    }

    /// How long one of several hosts may take before the next is tried.
    private static let perHost = Duration.seconds(3)
    /// How much longer than the deadline whoever asks waits for a thread that answers at it.
    private static let grace = Duration.milliseconds(250)
    /// Work that may wait for its turn.
    private static let maxWaiting = 64

    private struct Job {
        let deadline: ContinuousClock.Instant
        let run: @Sendable (Result<PostgresSession, PostgresError>) -> PostgresError?
        /// Tells whoever asked, when it is not run.
        let fail: @Sendable (PostgresError) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var isClosed = false
    }

    private let hosts: PostgresHosts
    private let channels: [String]
    private let listener: Listener?
    private let state = Locked(State())
    private let wakeReader: Int32
    private let wakeWriter: Int32
    /// Ends waits of callers whose work hangs where nothing can be said to it.
    private let timer: EventThread

    /// Nothing is connected yet.
    /// - Parameters:
    ///   - text: a connection string or URI. - PostgreSQL, 34.1.1: Connection Strings.
    ///   - channels: names of channels to listen to: letters, digits and `_`.
    /// - Throws: when the string cannot be read, or there is no thread for it.
    package init(
        _ text: String, channels: [String] = [], listener: Listener? = nil
    ) throws(PostgresError) {
        hosts = try PostgresHosts(text)
        self.channels = channels.filter { !$0.isEmpty && $0.utf8.allSatisfy(isNameOctet) }
        self.listener = listener
        var pair: [Int32] = [-1, -1]
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, flags, 0, &pair) == 0 else {
            throw PostgresError(.other, String(cString: strerror(errno)))
        }
        (wakeReader, wakeWriter) = (pair[0], pair[1])
        do throws(SystemError) { timer = try EventThread() } catch {
            Glibc.close(pair[0])
            Glibc.close(pair[1])
            throw PostgresError(.other, "\(error)")
        }
        // The thread holds its owner until `close`.
        do throws(SystemError) { try DetachedThread.start { self.serve() } } catch {
            timer.stop()
            throw PostgresError(.other, "\(error)")
        }
    }

    deinit {
        Glibc.close(wakeReader)
        Glibc.close(wakeWriter)
    }

    /// Ends the connection and its thread; work that waits, and all later work, fails.
    package func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in left { job.fail(PostgresError(.unreachable, "closed")) }
        wake()
        timer.stop()
    }

    /// Runs one statement.
    @discardableResult
    package func run(
        _ sql: String, _ parameters: [PostgresValue] = [], within limit: Duration
    ) async throws(PostgresError) -> [PostgresRow] {
        try await perform(within: limit) { session throws(PostgresError) in try session.run(sql, parameters) }
    }

    /// Runs work in one transaction, which is committed if it ends without an error. After ``PostgresError/Cause/uncertain``
    /// and ``PostgresError/Cause/late`` it may have been committed: the work must be one that can be done again.
    package func transaction<Value: Sendable>(
        within limit: Duration, _ work: @escaping Work<Value>
    ) async throws(PostgresError) -> Value {
        try await perform(within: limit) { session throws(PostgresError) in try session.transaction(work) }
    }

    /// Runs work on the connection's thread, and connects first if need be.
    /// - Parameter limit: for all of it, the wait for its turn and the connecting included. The caller waits hardly longer.
    package func perform<Value: Sendable>(
        within limit: Duration, _ work: @escaping Work<Value>
    ) async throws(PostgresError) -> Value {
        let deadline = ContinuousClock.now + limit
        var timeLimit: EventThread.Timer?
        let result: Result<Value, PostgresError> = await withCheckedContinuation { continuation in
            let answer = OneAnswer(continuation)
            let job = Job(
                deadline: deadline,
                run: { made in
                    do throws(PostgresError) {
                        let value = try work(try made.get())
                        answer.give(.success(value))
                        return nil
                    } catch {
                        answer.give(.failure(error))
                        return error
                    }
                }, fail: { answer.give(.failure($0)) })
            let refusal: PostgresError? = state.withLock { state in
                if state.isClosed { return PostgresError(.unreachable, "closed") }
                if state.jobs.count >= Self.maxWaiting { return PostgresError(.late, "too much waits for the server") }
                state.jobs.append(job)
                return nil
            }
            if let refusal { return answer.give(.failure(refusal)) }
            wake()
            timeLimit = timer.at(deadline + Self.grace) { _ in
                answer.give(.failure(PostgresError(.late, "no answer within the time that there was")))
            }
        }
        timeLimit?.cancel()
        return try result.get()
    }

    private func wake() {
        var byte: UInt8 = 1
        // A full buffer means that the thread is being woken already.
        send(wakeWriter, &byte, 1, Int32(MSG_NOSIGNAL))
    }

    // MARK: The thread

    private func serve() {
        var session: PostgresSession?
        while true {
            let (job, isClosed) = state.withLock { state in
                (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isClosed)
            }
            if isClosed { return }
            if let job { run(job, &session) } else { rest(&session) }
            if let open = session { hear(open, &session) }
        }
    }

    private func run(_ job: Job, _ session: inout PostgresSession?) {
        guard ContinuousClock.now < job.deadline else {
            return job.fail(PostgresError(.late, "its turn did not come in time"))
        }
        let made: Result<PostgresSession, PostgresError> = Result { () throws(PostgresError) in
            if let open = session { return open }
            let open = try PostgresSession.connect(to: hosts, until: job.deadline, perHost: Self.perHost)
            for channel in channels { try open.run("LISTEN \(channel)") }
            session = open
            listener?(.connected)
            return open
        }
        session?.deadline = job.deadline
        guard let error = job.run(made), !error.keepsConnection, session != nil else { return }
        drop(&session)
    }

    /// Waits until there is work, or something is said.
    private func rest(_ session: inout PostgresSession?) {
        var polled = [pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0)]
        if let session { polled.append(pollfd(fd: session.descriptor, events: Int16(POLLIN), revents: 0)) }
        _ = poll(&polled, nfds_t(polled.count), -1)
        var bytes = [UInt8](repeating: 0, count: 64)
        while recv(wakeReader, &bytes, bytes.count, 0) == bytes.count {}
    }

    private func hear(_ open: PostgresSession, _ session: inout PostgresSession?) {
        do throws(PostgresError) {
            for notice in try open.notices() { listener?(.notice(notice)) }
        } catch {
            drop(&session)
        }
    }

    private func drop(_ session: inout PostgresSession?) {
        session = nil
        listener?(.lost)
    }
}

private func isNameOctet(_ octet: UInt8) -> Bool {
    (0x30...0x39).contains(octet) || (0x61...0x7A).contains(octet) || octet == UInt8(ascii: "_")
}

/// Gives an answer to whoever waits, once.
private final class OneAnswer<Value: Sendable>: Sendable {
    private let waiting: Locked<CheckedContinuation<Result<Value, PostgresError>, Never>?>

    init(_ continuation: CheckedContinuation<Result<Value, PostgresError>, Never>) { waiting = Locked(continuation) }

    func give(_ result: Result<Value, PostgresError>) {
        waiting.withLock { $0.take() }?.resume(returning: result)
    }
}
