// SPDX-License-Identifier: Apache-2.0
import Basics
import Events
import Glibc
import HTTP
import MTASTS
import TLS
import TLSRPT

/// Turns the failure of an attempt into RFC 8460's terms and a text for people.
///
/// What keeps the host from proving who it is, no TLS at all included, is `sts-webpki-invalid`; all else that keeps the
/// body from arriving is `sts-policy-fetch-error`. - RFC 8460 §4.3.2.2: MTA-STS-specific Policy Failures.
struct FailureReading {
    let host: DomainName
    let address: IPAddress
    /// How long the connection could take.
    let waitLimit: Duration
    /// Longest body, in octets.
    let limit: Int
    /// What was asked for, in a word.
    let noun: String

    func failure(for error: HTTPFailure) -> AttemptFailure {
        switch error {
        case .certificate(let problem): unproven("certificate of \(host): \(problem.text(for: host))")
        case .handshake(let reason): unproven("TLS handshake with \(host) failed: \(reason)")
        case .system(let error): AttemptFailure(.stsPolicyFetchError, text(of: error), cause: cause(of: error))
        case .connectTimeout: unfetched("no TLS connection to \(address) within \(waitLimit.secondsText)")
        case .deadline, .cancelled: unfetched("fetch cancelled")
        case .closed(.connecting): unfetched("connection closed by \(address) in the TLS handshake")
        case .closed(.awaitingHead), .closed(.readingBody):
            unfetched("connection closed by \(host) before the end of the \(noun)")
        case .notHTTP: unfetched("answer of \(host) is not complete or not HTTP")
        case .bodyTooLong: answered("\(noun) of \(host) is longer than \(limit) octets")
        case .headTooLong: answered("head of the answer of \(host) is too long")
        case .tooManyOctets: answered("\(host) sends octets without end that are no \(noun)")
        case .interimAnswers: answered("\(host) sends interim answers (HTTP status 1xx) without end")
        case .encoding: answered("\(noun) of \(host) is in a content coding that cannot be read")
        case .setup(let text): AttemptFailure(.stsPolicyFetchError, text, cause: .ourselves)
        case .other(let text): unfetched("\(host): \(text)")
        }
    }

    private func unproven(_ text: String) -> AttemptFailure { AttemptFailure(.stsWebPKIInvalid, text) }

    private func unfetched(_ text: String) -> AttemptFailure { AttemptFailure(.stsPolicyFetchError, text) }

    /// The host's answer, though not one of use: another address would have the same.
    private func answered(_ text: String) -> AttemptFailure {
        AttemptFailure(.stsPolicyFetchError, text, isFinal: true)
    }

    /// What the network says is the host's, even that there is no route: our own tables are asked for that.
    private func cause(of error: SystemError) -> AttemptFailure.Cause {
        if error.isShortage { return .ourselves }
        return error.isNoRoute && !Socket.hasRoute(to: address) ? .noRoute : .host
    }

    private func text(of error: SystemError) -> String {
        switch error.code {
        case ECONNREFUSED: "connection refused by \(address)"
        case ECONNRESET, EPIPE: "connection reset by \(address)"
        default: "\(address): \(error.reason)"
        }
    }
}
