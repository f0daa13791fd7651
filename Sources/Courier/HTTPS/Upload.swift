// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import Reporting

/// One attempt to post a report, to one address of its endpoint.
struct Upload: Sendable {
    enum Step: Sendable {
        case held(HeldUpload)
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
    let now: @Sendable () -> UTCTime

    /// Sends all but the last octet.
    func prepare(_ report: [UInt8]) async -> Step {
        let upload: HTTPUpload
        do throws(HTTPFailure) {
            upload = try http.upload(request(report))
        } catch {
            return .notSent(failureText(error, address))
        }
        switch await upload.prepare() {
        case .held: return .held(HeldUpload(upload: upload, address: address, now: now))
        case .ended(.answered(let response)): return .ended(HTTPAnswer.result(of: response, at: now()))
        case .ended(.notSent(let failure)), .ended(.unanswered(let failure)):
            return .notSent(failureText(failure, address))
        }
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
        request.excerptWaitLimit = Self.excerptTimeout
        return request
    }
}

extension ServerHost {
    fileprivate var name: DomainName? {
        if case .name(let name) = self { name } else { nil }
    }
}

/// A report whose last octet its endpoint has not had yet.
struct HeldUpload: HeldReport {
    let upload: HTTPUpload
    let address: IPAddress
    let now: @Sendable () -> UTCTime

    func finish() async -> SendResult {
        switch await upload.finish() {
        case .answered(let response): HTTPAnswer.result(of: response, at: now())
        case .notSent(let failure): .deferred(failureText(failure, address), after: nil)
        case .unanswered(let failure): .uncertain("report sent, but no answer: \(failureText(failure, address))")
        }
    }

    func withdraw() { upload.withdraw() }
}
