// SPDX-License-Identifier: Apache-2.0

/// An answer to a request.
struct Answer: Sendable {
    enum Status: Int, Sendable {
        case ok = 200, badRequest = 400, notFound = 404, notAllowed = 405, misdirected = 421, headTooLong = 431
        case unavailable = 503

        var reason: String {
            switch self {
            case .ok: "OK"
            case .badRequest: "Bad Request"
            case .notFound: "Not Found"
            case .notAllowed: "Method Not Allowed"
            case .misdirected: "Misdirected Request"
            case .headTooLong: "Request Header Fields Too Large"
            case .unavailable: "Service Unavailable"
            }
        }
    }

    let status: Status
    let contentType: String
    let body: String

    init(_ status: Status = .ok, _ contentType: String, _ body: String) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// A line of plain text.
    static func text(_ status: Status, _ text: String) -> Answer {
        Answer(status, "text/plain; charset=utf-8", text + "\n")
    }

    static func json(_ text: String) -> Answer { Answer(.ok, "application/json", text) }
}
