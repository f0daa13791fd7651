// SPDX-License-Identifier: Apache-2.0
import Events
import Milter

/// The milter on a thread of its own: libmilter's loop blocks as long as it serves.
final class MilterThread: Sendable {
    /// How long verdicts that are being waited for may take at the end.
    private static let drainTime = Duration.seconds(4)

    let server: MilterServer
    private let end = AsyncThrowingStream<Never, any Error>.makeStream()

    init(_ server: MilterServer) { self.server = server }

    /// Takes the socket and serves; returns when MTAs can connect.
    func start() throws(MilterError) {
        try server.open()
        do throws(SystemError) {
            try DetachedThread.start { [server, end = end.continuation] in
                do throws(MilterError) {
                    try server.run()
                    end.finish()
                } catch {
                    end.finish(throwing: error)
                }
            }
        } catch { end.continuation.finish(throwing: error) }
    }

    /// Waits until `stop` returns, or the milter has ended by itself.
    /// - Parameter stop: must return soon once its task is cancelled.
    /// - Returns: why the milter ended; nil if it serves on.
    func failure(before stop: @escaping @Sendable () async -> Void) async -> (any Error)? {
        await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                await stop()
                return nil
            }
            group.addTask { [stream = end.stream] in
                do {
                    for try await _ in stream {}
                    return nil
                } catch { return error }
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    /// Takes no more mail, and lets verdicts under way finish.
    /// - Returns: whether all have finished.
    func stop() async -> Bool {
        await onBlockingThread { [server] in
            server.stop()
            return server.drain(within: Self.drainTime)
        }
    }
}
