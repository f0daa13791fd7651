// SPDX-License-Identifier: Apache-2.0
import Basics
import Dispatch
import Events

/// A journal as its follower sees it.
protocol JournalSource: Sendable {
    /// Opens the journal anew and goes to the mark's place.
    /// - Returns: the mark of the place.
    func open(at mark: JournalMark?) async throws(JournalError) -> JournalMark
    /// Reads on; if there is nothing new, waits for it as long as `time`.
    func read(waiting time: Duration) async throws(JournalError) -> Journal.Batch
}

/// The one thread that touches a journal: its library wants that, and may block.
final class JournalThread: JournalSource {
    private typealias Job = @Sendable (inout Journal?) -> Void

    /// Jobs to do; nil in it is the end.
    private final class Queue: Sendable {
        private let jobs = Locked<[Job?]>([])
        private let waiting = DispatchSemaphore(value: 0)

        func put(_ job: Job?) {
            jobs.withLock { $0.append(job) }
            waiting.signal()
        }

        func take() -> Job? {
            waiting.wait()
            return jobs.withLock { $0.removeFirst() }
        }
    }

    private let directory: String?
    private let queue = Queue()
    private let isStarted = Locked(false)

    /// - Parameter directory: where the journal's files are; nil for the system's own.
    init(directory: String?) {
        self.directory = directory
    }

    deinit { queue.put(nil) }

    func open(at mark: JournalMark?) async throws(JournalError) -> JournalMark {
        try await perform { [directory] journal throws(JournalError) in
            journal = nil
            let opened = try Journal(directory: directory)
            let place = try opened.seek(mark)
            journal = opened
            return place
        }
    }

    func read(waiting time: Duration) async throws(JournalError) -> Journal.Batch {
        try await perform { journal throws(JournalError) in
            guard let journal else { throw .nothingToRead }
            return try journal.read(waiting: time)
        }
    }

    /// Starts the thread unless it runs; the next call tries again.
    private func start() throws(JournalError) {
        try isStarted.withLock { isStarted throws(JournalError) in
            guard !isStarted else { return }
            do throws(SystemError) {
                try DetachedThread.start { [queue] in
                    var journal: Journal?
                    while let job = queue.take() { job(&journal) }
                }
            } catch { throw .failed(call: error.call, code: error.code) }
            isStarted = true
        }
    }

    private func perform<Value: Sendable>(
        _ work: @escaping @Sendable (inout Journal?) throws(JournalError) -> Value
    ) async throws(JournalError) -> Value {
        try start()
        let result: Result<Value, JournalError> = await withCheckedContinuation { done in
            queue.put { journal in
                do throws(JournalError) {
                    done.resume(returning: .success(try work(&journal)))
                } catch {
                    done.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
