// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import NIOCore
import NIOPosix

/// A stream socket on which a server of swift-nio accepts connections, ours from ``open(_:with:mode:group:setting:)`` to
/// ``close()``.
package struct ListeningChannel: Sendable {
    private let channel: any Channel
    private let unix: UnixSocket?

    /// The port in use, which matters where the settings say 0; nil for a Unix socket.
    package var port: Int? { channel.localAddress?.port }

    /// Takes the socket, never from an instance that lives, and accepts connections on it.
    /// - Parameters:
    ///   - bootstrap: what a connection is served by.
    ///   - mode: the permissions of a Unix socket.
    ///   - group: whose a Unix socket is, a name or a number; nil leaves the process's own.
    ///   - setting: the one that names the socket, such as `policy_map.socket`.
    package static func open(
        _ socket: ListenAddress, with bootstrap: ServerBootstrap, mode: UInt32, group: String?, setting: String
    ) async throws(ListenError) -> ListeningChannel {
        func error(_ cause: ListenError.Cause) -> ListenError { ListenError(cause, at: socket, setting: setting) }
        do {
            switch socket {
            case .inet(let host, let port):
                if let obstacle = socket.obstacle { throw error(obstacle) }
                return try await bind(bootstrap, host ?? "0.0.0.0", port)
            case .inet6(let host, let port):
                if let obstacle = socket.obstacle { throw error(obstacle) }
                return try await bind(bootstrap, host ?? "::", port)
            case .descriptor(let number):
                guard ListenAddress.isListening(number) else { throw error(.notListening) }
                return ListeningChannel(channel: try await bootstrap.withBoundSocket(number).get(), unix: nil)
            case .unix(let path):
                let unix = try UnixSocket(.stream, path: path, mode: mode, group: group)
                return ListeningChannel(
                    channel: try await bootstrap.withBoundSocket(unix.descriptor).get(), unix: unix)
            }
        } catch let error as ListenError {
            throw error
        } catch let error as UnixSocketError {
            throw ListenError(error, at: socket, setting: setting)
        } catch let failure as IOError where failure.errnoCode == EADDRINUSE {
            throw error(.alreadyServed)
        } catch let failure as IOError {
            throw error(.cannotListen(String(cString: strerror(failure.errnoCode))))
        } catch let failure {
            throw error(.cannotListen(printable("\(failure)")))
        }
    }

    /// Accepts no more, and removes a Unix socket from the file system.
    package func close() async {
        try? await channel.close().get()
        unix?.remove()
    }

    private static func bind(
        _ bootstrap: ServerBootstrap, _ host: String, _ port: UInt16
    ) async throws -> ListeningChannel {
        ListeningChannel(channel: try await bootstrap.bind(host: host, port: Int(port)).get(), unix: nil)
    }
}
