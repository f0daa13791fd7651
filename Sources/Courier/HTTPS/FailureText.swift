// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import HTTP

/// What kept a request from its answer, in words that are safe to print.
func failureText(_ failure: HTTPFailure, _ address: IPAddress) -> String {
    switch failure {
    case .system(let error):
        switch error.code {
        case ECONNREFUSED: "connection refused by \(address)"
        case ECONNRESET, EPIPE: "connection reset by \(address)"
        default: "\(address): \(error.reason)"
        }
    case .connectTimeout: "no TLS connection to \(address)"
    case .deadline: "\(address): not within the time allowed"
    case .cancelled: "cancelled"
    case .closed: "connection closed by \(address)"
    case .handshake(let reason): "TLS with \(address) failed: \(reason)"
    case .certificate: "TLS with \(address) failed: certificate not trusted"
    case .interimAnswers: "interim answers (HTTP status 1xx) from \(address) without end"
    case .tooManyOctets: "\(address) sends octets without end that are no answer"
    case .bodyTooLong, .headTooLong: "answer of \(address) is too long"
    case .encoding, .notHTTP: "answer of \(address) is not complete or not HTTP"
    case .setup(let text), .other(let text): "\(address): \(text)"
    }
}
