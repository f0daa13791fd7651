// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc

/// One thread that waits for descriptors and deadlines, so that no task of the concurrency pool has to block.
///
/// It blocks every signal: the process's own thread takes them. Threads that C libraries start from a job of
/// this thread inherit that.
package final class EventThread: Sendable {
    /// What ended a wait. Each wait ends exactly once.
    package enum Ending: Sendable {
        case ready, deadline, cancelled, stopped
    }

    package enum Interest: Sendable {
        case readable, writable

        fileprivate var pollEvents: Int16 { Int16(self == .readable ? POLLIN : POLLOUT) }
    }

    package typealias Job = @Sendable () -> Void

    private struct Watch {
        /// Negative for a mere deadline.
        let descriptor: Int32
        let interest: Interest
        let isPersistent: Bool
        let end: @Sendable (Ending) -> Void
    }

    /// A deadline that may be called off, which does nothing once it has passed.
    package struct Timer: Sendable {
        fileprivate let thread: EventThread
        fileprivate let token: UInt

        package func cancel() { thread.state.withLock { _ = $0.removeWatch(token) } }
    }

    private struct State {
        private(set) var watches: [UInt: Watch] = [:]
        /// Whether a descriptor came or went since the thread last made the list of those that it polls.
        var descriptorsChanged = false
        var deadlines = DeadlineHeap()
        var jobs: [Job] = []
        var nextToken: UInt = 1
        var isStopping = false
        /// When the thread wakes by itself: whoever comes with something earlier wakes it.
        var sleepsUntil: ContinuousClock.Instant?

        mutating func add(_ watch: Watch, until deadline: ContinuousClock.Instant?) -> UInt {
            let token = nextToken
            nextToken += 1
            watches[token] = watch
            if watch.descriptor >= 0 { descriptorsChanged = true }
            if let deadline { deadlines.insert(.init(deadline: deadline, token: token)) }
            // Most waits end long before their deadline.
            if deadlines.count > 64 + 2 * watches.count { deadlines.keep { watches[$0.token] != nil } }
            return token
        }

        mutating func removeWatch(_ token: UInt) -> Watch? {
            guard let watch = watches.removeValue(forKey: token) else { return nil }
            if watch.descriptor >= 0 { descriptorsChanged = true }
            return watch
        }

        mutating func removeAllWatches() -> [Watch] {
            defer { watches = [:] }
            return Array(watches.values)
        }
    }

    private let state = Locked(State())
    private let wakeReader: Int32
    private let wakeWriter: Int32

    /// Starts the thread. - Throws: `errno` of what failed.
    package init() throws(SystemError) {
        var pair: [Int32] = [-1, -1]
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, flags, 0, &pair) == 0 else { throw SystemError("socketpair") }
        (wakeReader, wakeWriter) = (pair[0], pair[1])
        // The thread holds its owner until `stop`.
        try DetachedThread.start { self.run() }
    }

    deinit {
        Glibc.close(wakeReader)
        Glibc.close(wakeWriter)
    }

    /// Runs a job on the thread; false once the thread is stopping, and then the job never runs.
    @discardableResult
    package func submit(_ job: @escaping Job) -> Bool {
        let accepted = state.withLock { state in
            guard !state.isStopping else { return false }
            state.jobs.append(job)
            return true
        }
        if accepted { wake() }
        return accepted
    }

    /// Ends every wait with `.stopped`, runs the jobs already accepted, then ends the thread.
    package func stop() {
        state.withLock { $0.isStopping = true }
        wake()
    }

    /// Calls `handler` on the thread each time the descriptor is readable, and once with `.stopped`.
    package func watch(_ descriptor: Int32, handler: @escaping @Sendable (Ending) -> Void) {
        let watch = Watch(descriptor: descriptor, interest: .readable, isPersistent: true, end: handler)
        if add(watch, until: nil) == nil { handler(.stopped) }
    }

    /// Calls `handler` on the thread at the deadline, or with `.stopped`; not at all once the timer is cancelled.
    /// - Returns: nil if `handler` was called with `.stopped`. Who needs the deadline no longer cancels it: until then it
    ///   holds what the handler holds.
    package func at(_ deadline: ContinuousClock.Instant, handler: @escaping @Sendable (Ending) -> Void) -> Timer? {
        let watch = Watch(descriptor: -1, interest: .readable, isPersistent: false, end: handler)
        if let token = add(watch, until: deadline) { return Timer(thread: self, token: token) }
        handler(.stopped)
        return nil
    }

    /// Waits until the descriptor is ready, the deadline passes or the task is cancelled.
    package func wait(_ descriptor: Int32, for interest: Interest, until deadline: ContinuousClock.Instant) async
        -> Ending
    {
        let slot = Locked<(token: UInt?, isCancelled: Bool)>((nil, false))
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let watch = Watch(descriptor: descriptor, interest: interest, isPersistent: false) {
                    continuation.resume(returning: $0)
                }
                guard let token = add(watch, until: deadline) else { return continuation.resume(returning: .stopped) }
                let isCancelled = slot.withLock { slot in
                    slot.token = token
                    return slot.isCancelled
                }
                if isCancelled { end(token, .cancelled) }
            }
        } onCancel: {
            let token = slot.withLock { slot in
                slot.isCancelled = true
                return slot.token
            }
            if let token { end(token, .cancelled) }
        }
    }

    private func add(_ watch: Watch, until deadline: ContinuousClock.Instant?) -> UInt? {
        let (token, mustWake): (UInt?, Bool) = state.withLock { state in
            guard !state.isStopping else { return (nil, false) }
            let token = state.add(watch, until: deadline)
            guard let deadline else { return (token, true) }
            return (token, watch.descriptor >= 0 || state.sleepsUntil.map { deadline < $0 } ?? true)
        }
        if mustWake { wake() }
        return token
    }

    private func end(_ token: UInt, _ ending: Ending) {
        guard let watch = state.withLock({ $0.removeWatch(token) }) else { return }
        // As long as the thread polls a descriptor, closing it does not close the connection.
        wake()
        watch.end(ending)
    }

    private func wake() {
        var byte: UInt8 = 1
        // A full buffer means that the thread is being woken already.
        send(wakeWriter, &byte, 1, Int32(MSG_NOSIGNAL))
    }
}

extension EventThread {
    private func run() {
        var polled: [pollfd] = []
        var tokens: [UInt] = []
        while true {
            let stopping = prepare(&polled, &tokens)
            runJobs()
            if stopping { break }
            let count = poll(&polled, nfds_t(polled.count), millisecondsToSleep())
            if polled[0].revents != 0 { drain() }
            if count > 0 {
                for index in tokens.indices where polled[index + 1].revents != 0 { fire(tokens[index]) }
            }
            endOverdue()
        }
        for watch in state.withLock({ $0.removeAllWatches() }) { watch.end(.stopped) }
    }

    private func prepare(_ polled: inout [pollfd], _ tokens: inout [UInt]) -> Bool {
        state.withLock { state in
            guard state.descriptorsChanged || polled.isEmpty else { return state.isStopping }
            state.descriptorsChanged = false
            polled.removeAll(keepingCapacity: true)
            tokens.removeAll(keepingCapacity: true)
            polled.append(pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0))
            for (token, watch) in state.watches where watch.descriptor >= 0 {
                polled.append(pollfd(fd: watch.descriptor, events: watch.interest.pollEvents, revents: 0))
                tokens.append(token)
            }
            return state.isStopping
        }
    }

    private func runJobs() {
        let jobs = state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs { job() }
    }

    /// Rounded up, so that the thread does not spin through the last fraction of a millisecond.
    private func millisecondsToSleep() -> Int32 {
        let next = state.withLock { state in
            // An entry whose wait has ended is only in the way.
            while let entry = state.deadlines.nearest, state.watches[entry.token] == nil {
                state.deadlines.removeNearest()
            }
            state.sleepsUntil = state.deadlines.nearest?.deadline
            return state.sleepsUntil
        }
        guard let next else { return -1 }
        let left = next - ContinuousClock.now
        guard left > .zero else { return 0 }
        let milliseconds = left / .milliseconds(1)
        return Int32(min(milliseconds.rounded(.up), 60_000))
    }

    private func drain() {
        var bytes = [UInt8](repeating: 0, count: 512)
        while recv(wakeReader, &bytes, bytes.count, 0) == bytes.count {}
    }

    private func fire(_ token: UInt) {
        let watch = state.withLock { state in
            state.watches[token].map { watch in
                if !watch.isPersistent { _ = state.removeWatch(token) }
                return watch
            }
        }
        watch?.end(.ready)
    }

    private func endOverdue() {
        let now = ContinuousClock.now
        let overdue = state.withLock { state in
            var overdue: [Watch] = []
            while let entry = state.deadlines.nearest, entry.deadline <= now {
                state.deadlines.removeNearest()
                if let watch = state.removeWatch(entry.token) { overdue.append(watch) }
            }
            return overdue
        }
        for watch in overdue { watch.end(.deadline) }
    }
}
