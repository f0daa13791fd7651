// SPDX-License-Identifier: Apache-2.0

/// What a ``PolicyHost`` answers for one host name.
package struct PolicyAnswer: Sendable {
    /// What follows the response's head.
    package enum Body: Sendable {
        case text(String)
        case octets([UInt8])
        /// So many octets of `x`, with a Content-Length.
        case bytes(Int)
        /// Octets without end, chunked.
        case endless
        /// The text, one octet an interval.
        case drip(String, everyMilliseconds: Int64)
    }

    /// What goes wrong on the way.
    package enum Fault: Sendable {
        case none
        /// The request is read and never answered.
        case hang
        /// "100 Continue" without end in place of a response.
        case interimWithoutEnd
        /// The head announces a body and the connection closes in its place.
        case dropAfterHeaders
        /// The connection closes in place of a response.
        case dropBeforeHeaders
        /// The body has no length, and its end is that of the connection, without TLS's close_notify: what an attacker
        /// who cuts the connection can make of such an answer.
        case cut
    }

    package var status = 200
    /// Nil leaves the header out.
    package var contentType: String? = "text/plain"
    package var headers: [(name: String, value: String)] = []
    package var body: Body = .text("")
    /// Between request and response.
    package var delay: Duration = .zero
    package var fault: Fault = .none
    /// Sent in place of a response.
    package var attack: PolicyAttack?

    package init() {}

    /// A policy as it should be served. - RFC 8461 §3.3: HTTPS Policy Fetching.
    package static func policy(_ text: String) -> PolicyAnswer {
        var answer = PolicyAnswer()
        answer.body = .text(text)
        return answer
    }

    /// A policy of these parts, with CRLF line ends.
    package static func policy(mode: String, mx: [String], maxAge: Int = 86_400) -> PolicyAnswer {
        let lines = ["version: STSv1", "mode: \(mode)"] + mx.map { "mx: \($0)" } + ["max_age: \(maxAge)"]
        return .policy(lines.map { $0 + "\r\n" }.joined())
    }

    /// Another status code, with a body that would be a good policy.
    package static func status(_ status: Int) -> PolicyAnswer {
        var answer = PolicyAnswer.policy(mode: "enforce", mx: ["*.status.lab"])
        answer.status = status
        return answer
    }

    package static func redirect(to location: String) -> PolicyAnswer {
        var answer = PolicyAnswer.status(301)
        answer.headers = [("Location", location)]
        return answer
    }

    package static func body(_ body: Body) -> PolicyAnswer {
        var answer = PolicyAnswer()
        answer.body = body
        return answer
    }

    package static func attack(_ attack: PolicyAttack) -> PolicyAnswer {
        var answer = PolicyAnswer()
        answer.attack = attack
        return answer
    }

    private static func failing(_ fault: Fault) -> PolicyAnswer {
        var answer = PolicyAnswer.policy(mode: "enforce", mx: ["*.fault.lab"])
        answer.fault = fault
        return answer
    }

    package static let hang = failing(.hang)
    package static let interimWithoutEnd = failing(.interimWithoutEnd)
    package static let dropAfterHeaders = failing(.dropAfterHeaders)
    package static let dropBeforeHeaders = failing(.dropBeforeHeaders)
    package static let endless = body(.endless)
}
