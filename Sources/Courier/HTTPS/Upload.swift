// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import Reporting

/// One attempt to post a report, to one address of its endpoint.
struct Upload: Sendable {
    enum Ending: Sendable {
        case ended(SendResult)
        /// The endpoint cannot have the report: another address may be tried.
        case notSent(String)
    }

    /// How long the text behind a status is waited for.
    private static let excerptTimeout = Duration.seconds(2)
    /// Octets of it that are looked at.
    private static let excerptBytes = 500

    let http: HTTPClient
    let settings: CourierSettings
    let endpoint: ReportEndpoint
    let address: IPAddress
    let deadline: ContinuousClock.Instant

    func run(_ report: [UInt8], now: UTCTime, commit: @Sendable () async -> Bool) async -> Ending {
        let upload: HTTPUpload
        do throws(HTTPFailure) {
            upload = try http.upload(request(report))
        } catch {
            return .notSent(failureText(error, address))
        }
        switch await upload.prepare() {
        case .held: break
        case .ended(.success(let response)): return .ended(Self.result(of: response, now))
        case .ended(.failure(let failure)): return .notSent(failureText(failure, address))
        }
        guard await commit() else {
            upload.withdraw()
            return .ended(.withdrawn)
        }
        switch await upload.finish() {
        case .success(let response): return .ended(Self.result(of: response, now))
        case .failure(let failure):
            return .ended(.uncertain("report sent, but no answer: \(failureText(failure, address))"))
        }
    }

    private static func result(of response: HTTPResponse, _ now: UTCTime) -> SendResult {
        var answer = HTTPAnswer(status: response.head.status)
        answer.retryAfter = response.head.first("retry-after")
        answer.excerpt = String(decoding: response.body, as: UTF8.self)
        // A 2xx before the body was complete is not an acceptance.
        guard !response.isEarly || answer.status >= 300 else {
            return .deferred("\(answer.text) before the report was sent", after: nil)
        }
        return answer.result(at: now)
    }

    private func request(_ report: [UInt8]) -> HTTPRequest {
        // - RFC 8460 §3: certificate errors MAY be ignored. - §7: else broken TLS could not be reported.
        var request = HTTPRequest(
            host: endpoint.host.name, address: address, port: endpoint.port ?? 443, path: endpoint.path, trust: nil,
            deadline: deadline)
        request.userAgent = settings.userAgent
        request.body = HTTPRequest.Body(report, as: "application/tlsrpt+gzip")
        request.connectTimeout = min(settings.connectTimeout, deadline - .now)
        // A status that is seen counts, whatever becomes of the text behind it.
        request.wantsBody = { $0.status >= 300 }
        request.bodyLimitBytes = Self.excerptBytes
        request.excerptPatience = Self.excerptTimeout
        return request
    }
}

extension ServerHost {
    fileprivate var name: DomainName? {
        if case .name(let name) = self { name } else { nil }
    }
}
