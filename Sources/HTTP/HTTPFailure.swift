// SPDX-License-Identifier: Apache-2.0
import Events
import TLS

/// Why there is no response. What the caller makes of it is the caller's: most of it another address may not have.
package enum HTTPFailure: Error, Sendable, Equatable {
    /// No socket, no connection, or an end of it that the network told.
    case system(SystemError)
    /// TCP or TLS was not up in time.
    case connectTimeout
    /// The deadline passed in this stage.
    case deadline(HTTPRequest.Stage)
    case cancelled
    /// The host ended the connection too early, in this stage.
    case closed(HTTPRequest.Stage)
    /// TLS did not come up; OpenSSL's words, safe to print.
    case handshake(String)
    case certificate(CertificateProblem)
    /// The body is longer than the limit; the rest was not read.
    case bodyTooLong
    /// The head of the response is, or the fields behind its body are.
    case headTooLong
    /// More came over the wire than any response needs, most of it no payload: padding, pings, extensions of chunks.
    case tooManyOctets
    /// 1xx without end.
    case interimAnswers
    /// A content coding that is unknown or broken, or more than one.
    case encoding
    /// Broken off in the middle by HTTP's own count, or no HTTP at all.
    case notHTTP
    /// We cannot do it, which says nothing of the host; safe to print.
    case setup(String)
    /// Safe to print.
    case other(String)
}

/// Why no client can be made; the text names the cure.
package struct HTTPSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    package let text: String
    package var description: String { text }
}
