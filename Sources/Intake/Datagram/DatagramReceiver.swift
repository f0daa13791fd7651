// SPDX-License-Identifier: Apache-2.0
import Basics
import CThreads
import Concurrency
import Glibc
import Logging

/// Takes datagrams from the socket as fast as they come, on a thread that does nothing else.
///
/// The kernel queues ten or so, and an MTA does not wait for room: behind a commit to disk they would be lost.
package final class DatagramReceiver: Sendable {
    /// Longest datagram taken, in octets: what fits in a socket buffer of Linux's default size.
    package static let maxDatagramOctets = 212_960
    /// Between two looks for room in the table; in nanoseconds, as the others here.
    private static let roomPause: Int = 5_000_000
    /// A turn of the thread, which takes a datagram in some microseconds. With turns of the usual length a thread that is
    /// busy keeps its processor for milliseconds, within which the kernel's queue overflows.
    private static let slice: UInt64 = 100_000
    /// After an error that is not the datagram's.
    private static let errorPause: Int = 100_000_000

    /// What came in since the start.
    package struct Counts: Sendable, Hashable {
        package var received = 0
        /// Empty, or longer than ``maxDatagramOctets``.
        package var unreadable = 0
        /// Came before the stop, and found no room.
        package var lost = 0
    }

    private struct State {
        var table = DatagramTable()
        var counts = Counts()
        /// When the last was taken.
        var lastAt: UTCTime?
        var isStopping = false
        /// Whether the reader was woken since the table was taken.
        var hasWoken = false
    }

    /// Octets in the table for which the reader does not wait for its time.
    private static let wakingOctets = DatagramTable.maxOctets / 8

    private let socket: DatagramSocket
    private let clock: any WallClock
    let warnings: RateLimitedLog<DatagramWarning>
    private let state = Locked(State())
    private let thread = Locked<pthread_t?>(nil)
    /// Gives a turn to the reader each time that much has come in.
    let turns: AsyncStream<Void>
    let turn: AsyncStream<Void>.Continuation

    /// Binds the socket and starts the thread, which runs until ``stop()``.
    package init(_ settings: DatagramSettings, clock: any WallClock, logger: Logger) throws(DatagramSocketError) {
        if let warning = DatagramQueue.warning() { logger.warning("\(warning)") }
        socket = try DatagramSocket(settings)
        self.clock = clock
        warnings = RateLimitedLog(logger: logger)
        (turns, turn) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        try start()
    }

    package var counts: Counts { state.withLock { $0.counts } }
    /// When the last datagram was taken; nil if none was since the start.
    package var lastAt: UTCTime? { state.withLock { $0.lastAt } }

    /// What came in since the last time, for whoever reads and counts it.
    package func take() -> DatagramTable {
        state.withLock { state in
            let table = state.table
            state.table = DatagramTable()
            state.hasWoken = false
            return table
        }
    }

    /// Takes the socket away and waits until what is queued has been taken from it; then ``take()`` has the rest.
    package func stop() {
        guard let running = thread.withLock({ $0.take() }) else { return }
        state.withLock { $0.isStopping = true }
        socket.shut()
        pthread_join(running, nil)
        socket.close()
    }

    private func start() throws(DatagramSocketError) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var made = pthread_t()
        let box = Unmanaged.passRetained(self)
        let code = pthread_create(
            &made, nil,
            { argument in
                // The argument is the box above; the thread holds its owner until `stop`.
                if let argument { Unmanaged<DatagramReceiver>.fromOpaque(argument).takeRetainedValue().drain() }
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            socket.shut()
            socket.close()
            throw .noThread(String(cString: strerror(code)))
        }
        thread.withLock { $0 = made }
    }

    private func drain() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.maxDatagramOctets, alignment: 16)
        defer { buffer.deallocate() }
        // Where the system does not let us, it goes as it goes.
        _ = CThreads_set_slice(Self.slice)
        var isStopping = false
        while true {
            // With MSG_TRUNC the length is that of the datagram, not of what fitted.
            let flags = Int32(MSG_TRUNC) | (isStopping ? Int32(MSG_DONTWAIT) : 0)
            let length = recv(socket.descriptor, buffer.baseAddress, buffer.count, flags)
            let failure = errno
            if length <= 0, !isStopping {
                isStopping = state.withLock { $0.isStopping }
                // What wakes a thread at the stop looks like an empty datagram.
                if isStopping, length == 0 { continue }
            }
            if length >= 0 {
                keep(buffer, length)
            } else if failure == EAGAIN, isStopping {
                return
            } else if failure != EINTR {
                warnings.warn(.receiveFailed, ["cause": "\(String(cString: strerror(failure)))"])
                pause(Self.errorPause)
            }
        }
    }

    private func keep(_ buffer: UnsafeMutableRawBufferPointer, _ length: Int) {
        guard (1...buffer.count).contains(length) else {
            state.withLock { $0.counts.unreadable += 1 }
            warnings.warn(
                length == 0 ? .refused : .tooLong,
                length == 0 ? ["cause": "\(DatagramError.empty)"] : ["octets": "\(length)"])
            return
        }
        let payload = DatagramTable.Payload(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
        let now = clock.now
        // A datagram that waits here keeps the queue full, so that the MTA learns of it and says so in its log.
        while true {
            let (isKept, isStopping, isMuch) = state.withLock { state in
                if state.table.add(payload, on: now.day) {
                    state.counts.received += 1
                    state.lastAt = now
                    let isMuch = !state.hasWoken && state.table.octets >= Self.wakingOctets
                    if isMuch { state.hasWoken = true }
                    return (true, false, isMuch)
                }
                if state.isStopping { state.counts.lost += 1 }
                return (false, state.isStopping, false)
            }
            if isMuch { turn.yield() }
            if isKept { return }
            warnings.warn(isStopping ? .lost : .full)
            if isStopping { return }
            pause(Self.roomPause)
        }
    }

    private func pause(_ nanoseconds: Int) {
        var time = timespec(tv_sec: 0, tv_nsec: nanoseconds)
        nanosleep(&time, nil)
    }
}
