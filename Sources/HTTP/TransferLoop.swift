// SPDX-License-Identifier: Apache-2.0
import Basics
import CCurl
import Events
import Glibc

/// The thread on which libcurl works, and all transfers that are under way there.
///
/// `@unchecked Sendable`: others put commands into `inbox`, which is locked; all else is touched by the thread alone.
final class TransferLoop: @unchecked Sendable {
    private enum Command {
        case start(Transfer)
        case release(Transfer)
        /// Looks who was cancelled.
        case look
    }

    private struct Inbox {
        var commands: [Command] = []
        var isStopping = false
        /// The handle is gone: nobody may wake the thread any more.
        var isOver = false
    }

    /// The longest sleep; whoever comes wakes the thread.
    private static let maxSleep = Duration.seconds(60)
    /// Pause after a round in which nothing moved, in milliseconds; twice as long after each further one, up to 32.
    private static let firstPause: UInt32 = 1
    private static let maxDoublings: UInt32 = 5

    private let inbox = Locked(Inbox())
    private let multi: UnsafeMutableRawPointer
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]
    /// Records of TLS of what is running, as counted in the last round.
    private var records = 0
    /// Rounds without one since the last.
    private var idleRounds: UInt32 = 0

    init() throws(HTTPSetupError) {
        guard let multi = curl_multi_init() else { throw HTTPSetupError(text: "libcurl has no memory") }
        self.multi = multi
        // Without a descriptor for it, libcurl makes a handle that cannot be woken.
        guard CCurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING)) == CURLM_OK,
            curl_multi_wakeup(multi) == CURLM_OK
        else {
            curl_multi_cleanup(multi)
            throw HTTPSetupError(text: "libcurl has no descriptors: raise the limit of open files (LimitNOFILE)")
        }
        do throws(SystemError) {
            // The thread holds the loop until it is stopped.
            try DetachedThread.start { self.run() }
        } catch {
            curl_multi_cleanup(multi)
            throw HTTPSetupError(text: "no thread for libcurl: \(error)")
        }
    }

    /// Begins a transfer, which ends exactly once, on the thread.
    func start(
        _ transfer: Transfer, held: @escaping @Sendable () -> Void = {},
        ended: @escaping @Sendable (Transfer.Outcome) -> Void
    ) {
        transfer.held = held
        transfer.ended = ended
        if !put(.start(transfer)) { ended(.failure(.cancelled)) }
    }

    /// Lets the last octet of a body go.
    func release(_ transfer: Transfer) { put(.release(transfer)) }

    /// Ends a transfer with ``HTTPFailure/cancelled``, also one that is still to begin; of one that has ended nothing
    /// comes.
    func cancel(_ transfer: Transfer) {
        transfer.isCancelled.store(true, ordering: .releasing)
        put(.look)
    }

    /// Ends all transfers, and the thread.
    func stop() {
        inbox.withLock { inbox in
            inbox.isStopping = true
            if !inbox.isOver { curl_multi_wakeup(multi) }
        }
    }

    @discardableResult
    private func put(_ command: Command) -> Bool {
        inbox.withLock { inbox in
            guard !inbox.isStopping else { return false }
            inbox.commands.append(command)
            curl_multi_wakeup(multi)
            return true
        }
    }
}

// What the thread does.
extension TransferLoop {
    private func run() {
        while true {
            let (commands, isStopping) = inbox.withLock { inbox in
                defer { inbox.commands = [] }
                return (inbox.commands, inbox.isStopping)
            }
            for command in commands { obey(command) }
            if isStopping { break }
            var count: Int32 = 0
            curl_multi_perform(multi, &count)
            conclude()
            let sleep = endLate()
            pause()
            curl_multi_poll(multi, nil, 0, Int32(clamping: sleep.components.seconds * 1000 + sleep.milliseconds), nil)
        }
        for transfer in running.values { end(transfer, .failure(.cancelled)) }
        inbox.withLock { $0.isOver = true }
        curl_multi_cleanup(multi)
    }

    /// Waits a little, and longer each time, as long as nothing moves and libcurl does not wait by itself.
    ///
    /// Before 8.0, libcurl is busy without end with a body of which an HTTP/2 host lets no octet through. To speak
    /// HTTP/1.1 for as long as the host takes it would leave the choice to the host.
    private func pause() {
        if running.isEmpty { return idleRounds = 0 }
        let count = running.values.reduce(0) { $0 + $1.verification.records }
        defer { records = count }
        guard count == records else { return idleRounds = 0 }
        usleep(1000 * Self.firstPause << idleRounds)
        idleRounds = min(idleRounds + 1, Self.maxDoublings)
    }

    private func obey(_ command: Command) {
        switch command {
        case .start(let transfer):
            idleRounds = 0
            guard !transfer.isCancelled.load(ordering: .acquiring) else {
                return transfer.ended(.failure(.cancelled))
            }
            running[transfer.easy] = transfer
            let code = curl_multi_add_handle(multi, transfer.easy)
            if code != CURLM_OK { end(transfer, .failure(.setup("libcurl takes no transfer (\(code.rawValue))"))) }
        case .release(let transfer):
            guard running[transfer.easy] != nil else { return }
            // What comes too late to be answered is not sent.
            if transfer.deadline <= .now { return end(transfer, transfer.concludeLate()) }
            transfer.release()
        case .look:
            for transfer in running.values where transfer.isCancelled.load(ordering: .acquiring) {
                end(transfer, .failure(.cancelled))
            }
        }
    }

    /// Takes what libcurl has done with.
    private func conclude() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = running[easy]
            else { continue }
            end(transfer, transfer.conclude(message.pointee.data.result))
        }
    }

    /// Ends what is late or flooded, and says how long the thread may sleep.
    private func endLate() -> Duration {
        let now = ContinuousClock.now
        var sleep = Self.maxSleep
        for transfer in running.values {
            if transfer.deadline <= now {
                end(transfer, transfer.concludeLate())
            } else if transfer.isFlooded {
                end(transfer, transfer.concludeFlooded())
            } else {
                sleep = min(sleep, transfer.deadline - now)
            }
        }
        return sleep
    }

    private func end(_ transfer: Transfer, _ outcome: Transfer.Outcome) {
        running[transfer.easy] = nil
        curl_multi_remove_handle(multi, transfer.easy)
        transfer.ended(outcome)
    }
}

extension Duration {
    /// Of the last second, rounded up: a sleep must not end before its time.
    fileprivate var milliseconds: Int64 { (components.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000 }
}
