// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Basics
import Events
import Glibc
import HTTP
import NIOCore
import NIOHTTP1
import NIOSSL
import SMTP

/// Turns what a failed attempt threw into RFC 8460's terms and a text for people.
///
/// What keeps the host from proving who it is, no TLS at all included, is `sts-webpki-invalid`; all else that keeps the
/// body from arriving is `sts-policy-fetch-error`. - RFC 8460 §4.3.2.2: MTA-STS-specific Policy Failures.
struct FailureReading {
    let host: DomainName
    let address: IPAddress
    /// How long the connection could take.
    let patience: Duration
    /// Longest body, in octets.
    let limit: Int
    /// What was asked for, in a word.
    let noun: String

    func isUntrustedCertificate(_ error: any Error) -> Bool {
        tlsReasons(error).contains("certificate verify failed")
    }

    func untrusted(_ reason: String) -> AttemptFailure {
        AttemptFailure(.stsWebPKIInvalid, "certificate of \(host): \(reason)")
    }

    func failure(for error: any Error) -> AttemptFailure {
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return untrusted("does not name \(host)")
        case is PeerIdentityError:
            return untrusted("does not name \(host) as a DNS name; a common name does not count")
        case let error as HTTPClientError:
            return fetchError(text(of: error))
        case let error as IOError:
            return AttemptFailure(
                .stsPolicyFetchError, text(of: error),
                cause: cause(of: SystemError("connect", code: error.errnoCode)))
        case is ChannelError:
            return fetchError(noConnection)
        case is NIOTooManyBytesError:
            return AttemptFailure(
                .stsPolicyFetchError, "\(noun) of \(host) is longer than \(limit) octets", isFinal: true)
        case is TooManyInterimAnswers:
            return AttemptFailure(
                .stsPolicyFetchError, "\(host) sends interim answers (HTTP status 1xx) without end", isFinal: true)
        case is HTTPParserError:
            return fetchError("answer of \(host) is not complete or not HTTP")
        default:
            return tlsFailure(error)
        }
    }

    private func tlsFailure(_ error: any Error) -> AttemptFailure {
        if let error = error as? NIOSSLError, case .uncleanShutdown = error {
            return fetchError("connection closed by \(host) before the end of the \(noun)")
        }
        let reasons = tlsReasons(error)
        guard let reason = reasons.last else { return fetchError("\(host): \(printable("\(error)"))") }
        if reasons.contains("EOF during handshake") {
            return fetchError("connection closed by \(address) in the TLS handshake")
        }
        return AttemptFailure(.stsWebPKIInvalid, "TLS handshake with \(host) failed: \(reason)")
    }

    /// What the network says is the host's, even that there is no route: our own tables are asked for that.
    private func cause(of error: SystemError) -> AttemptFailure.Cause {
        if error.isShortage { return .ourselves }
        return error.isNoRoute && !Socket.hasRoute(to: address) ? .noRoute : .host
    }

    private var noConnection: String { "no TLS connection to \(address) within \(patience.secondsText)" }

    private func fetchError(_ text: String) -> AttemptFailure { AttemptFailure(.stsPolicyFetchError, text) }

    private func text(of error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout:
            noConnection
        case .remoteConnectionClosed:
            "connection closed by \(host) before the end of the \(noun)"
        case .cancelled, .deadlineExceeded:
            "fetch cancelled"
        default:
            "\(host): \(printable(error.shortDescription))"
        }
    }

    private func text(of error: IOError) -> String {
        switch error.errnoCode {
        case ECONNREFUSED: "connection refused by \(address)"
        case ECONNRESET, EPIPE: "connection reset by \(address)"
        default: "\(address): \(printable(String(cString: strerror(error.errnoCode))))"
        }
    }

    /// What BoringSSL says, in words: `wrong version number` out of `error:...:WRONG_VERSION_NUMBER at file:line`.
    private func tlsReasons(_ error: any Error) -> [String] {
        let tlsError: BoringSSLError
        switch error {
        case let error as BoringSSLError: tlsError = error
        case NIOSSLError.handshakeFailed(let error): tlsError = error
        default: return []
        }
        guard case .sslError(let stack) = tlsError else { return ["\(printable("\(tlsError)"))"] }
        return stack.map { entry in
            if entry == .eofDuringHandshake { return "EOF during handshake" }
            let reason = entry.description.split(separator: " at ").first?.split(separator: ":").last ?? ""
            return printable(reason.replacing("_", with: " ").lowercased())
        }
    }
}
