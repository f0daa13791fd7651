// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import Mail
import Reporting

/// What an https endpoint answered.
struct HTTPAnswer: Sendable, Hashable {
    let status: UInt
    var retryAfter: String?
    /// The beginning of the body, as it came.
    var excerpt = ""
}

extension HTTPAnswer {
    /// Longest wait that an endpoint may ask for. - RFC 8460 §5.5: Delivery Retry: for up to 24 hours.
    private static let maxWait = Duration.seconds(86_400)
    /// Characters of the body that are worth a line of a log.
    private static let excerptCharacters = 120

    /// What a response means for the report.
    static func result(of response: HTTPResponse, at now: UTCTime) -> SendResult {
        var answer = HTTPAnswer(status: response.head.status)
        answer.retryAfter = response.head.first("retry-after")
        answer.excerpt = String(decoding: response.body, as: UTF8.self)
        // A 2xx before the body was complete is not an acceptance.
        guard !response.isEarly || answer.status >= 300 else {
            return .deferred("\(answer.text) before the report was sent", after: nil)
        }
        return answer.result(at: now)
    }

    /// What the answer means for the report. - RFC 9110 §15: Status Codes.
    ///
    /// What a later try can change is deferred; an endpoint that is gone, moved or forbidden, or that does not take a
    /// report like this one, refuses.
    func result(at now: UTCTime) -> SendResult {
        switch status {
        case 200..<300: .accepted("HTTP status \(status)")
        case 300..<400: .refused(text + ", redirects are not followed")
        // Request Timeout, Misdirected Request, Too Early, Too Many Requests.
        case 408, 421, 425, 429: .deferred(text, after: wait(from: now))
        case 400..<500: .refused(text)
        default: .deferred(text, after: wait(from: now))
        }
    }

    var text: String {
        let start = excerpt.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return "HTTP status \(status)" + (start.isEmpty ? "" : ": \(printable(start, limit: Self.excerptCharacters))")
    }

    /// - RFC 9110 §10.2.3: Retry-After: seconds or a date.
    private func wait(from now: UTCTime) -> Duration? {
        guard let text = retryAfter?.drop(while: { $0 == " " }), !text.isEmpty else { return nil }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int64(text).map { min(.seconds($0), Self.maxWait) } ?? Self.maxWait
        }
        guard let date = httpDate(String(text)) else { return nil }
        return max(.zero, min(date - now, Self.maxWait))
    }
}
