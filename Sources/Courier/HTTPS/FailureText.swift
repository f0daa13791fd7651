// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Basics
import Glibc
import HTTP
import NIOCore
import NIOSSL

/// What kept a request from its answer, in words that are safe to print.
func failureText(_ error: any Error, _ address: IPAddress) -> String {
    switch error {
    case let error as HTTPClientError:
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout: "no TLS connection to \(address)"
        case .remoteConnectionClosed: "connection closed by \(address)"
        case .cancelled, .deadlineExceeded: "cancelled"
        default: "\(address): \(printable(error.shortDescription))"
        }
    case let error as IOError:
        switch error.errnoCode {
        case ECONNREFUSED: "connection refused by \(address)"
        case ECONNRESET, EPIPE: "connection reset by \(address)"
        default: "\(address): \(printable(String(cString: strerror(error.errnoCode))))"
        }
    case is TooManyInterimAnswers: "interim answers (HTTP status 1xx) from \(address) without end"
    case is ChannelError: "no TLS connection to \(address)"
    case NIOSSLError.uncleanShutdown: "connection closed by \(address)"
    case NIOSSLError.handshakeFailed(.sslError(let stack)): "TLS with \(address) failed: \(tlsReason(stack))"
    case is NIOSSLError: "TLS with \(address) failed: \(printable("\(error)", limit: 100))"
    default: "\(address): \(printable("\(error)", limit: 100))"
    }
}

/// What BoringSSL says, in words: `wrong version number` out of `error:...:WRONG_VERSION_NUMBER at file:line`.
private func tlsReason(_ stack: [BoringSSLInternalError]) -> String {
    guard let entry = stack.last, entry != .eofDuringHandshake else { return "connection closed" }
    let reason = entry.description.split(separator: " at ").first?.split(separator: ":").last ?? ""
    return printable(reason.replacing("_", with: " ").lowercased(), limit: 100)
}
