// SPDX-License-Identifier: Apache-2.0
import Events

/// Why a stream cannot go on; the caller closes it.
package enum StreamError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The deadline passed.
    case timeout
    case cancelled
    /// The peer ended the connection.
    case closedByPeer
    /// We did.
    case closed
    /// The peer sent more than the limit without an end of line.
    case lineTooLong
    /// The connection could not be begun, or broke.
    case system(SystemError)
    /// The host or the network between refused it: anybody on the way can say so, in whatever words.
    case refused(SystemError)
    /// TLS broke after the handshake; the text is safe to print.
    case tls(String)

    /// Whether the peer has no part in it.
    package var isOurs: Bool {
        switch self {
        case .cancelled, .closed: true
        case .system(let error): error.isOurs
        case .timeout, .closedByPeer, .lineTooLong, .refused, .tls: false
        }
    }

    package var description: String {
        switch self {
        case .timeout: "timed out"
        case .cancelled: "cancelled"
        case .closedByPeer: "connection closed by peer"
        case .closed: "connection closed"
        case .lineTooLong: "line too long"
        case .system(let error), .refused(let error): error.description
        case .tls(let text): "TLS: \(text)"
        }
    }
}

/// Why TLS did not come up; the caller closes the stream.
package enum TLSFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// Octets stood in the clear behind the answer to STARTTLS: somebody may have injected them.
    case plaintextAfterSTARTTLS
    /// The handshake failed: no common version or cipher, not TLS at all. The text is OpenSSL's, safe to print.
    case handshake(String)
    /// The connection ended or the deadline passed before the handshake did.
    case stream(StreamError)
    /// A failure of our own.
    case setup(String)

    package var description: String {
        switch self {
        case .plaintextAfterSTARTTLS: "plaintext after STARTTLS"
        case .handshake(let text): "TLS handshake: \(text)"
        case .stream(let error): "TLS handshake: \(error)"
        case .setup(let text): "TLS setup: \(text)"
        }
    }
}
