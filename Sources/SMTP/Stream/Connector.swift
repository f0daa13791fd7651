// SPDX-License-Identifier: Apache-2.0
import Basics
import Events

/// Makes TCP connections; one thread waits for all of them.
package final class Connector: Sendable {
    private let thread: EventThread

    package init() throws(SystemError) { thread = try EventThread() }

    deinit { thread.stop() }

    /// Ends every wait of every stream made here with ``StreamError/closed``.
    package func shutdown() { thread.stop() }

    package func connect(
        to address: IPAddress, port: UInt16, by deadline: ContinuousClock.Instant
    ) async throws(StreamError) -> TCPStream {
        let socket: Socket
        do {
            socket = try Socket(for: address)
            if try socket.connect(to: address, port: port) { return TCPStream(socket, connector: self, to: address) }
        } catch { throw .system(error) }
        do {
            try await wait(socket, for: .writable, by: deadline)
        } catch {
            socket.close()
            throw error
        }
        if let error = socket.connectionError() {
            socket.close()
            throw .refused(error)
        }
        return TCPStream(socket, connector: self, to: address)
    }

    func wait(
        _ socket: Socket, for interest: EventThread.Interest, by deadline: ContinuousClock.Instant
    ) async throws(StreamError) {
        switch await thread.wait(socket.descriptor, for: interest, until: deadline) {
        case .ready: return
        case .deadline: throw .timeout
        case .cancelled: throw .cancelled
        case .stopped: throw .closed
        }
    }
}
