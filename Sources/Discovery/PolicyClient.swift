// SPDX-License-Identifier: Apache-2.0
import Basics
import HTTP
import MTASTS
import TLS

/// Sends the one request that gets a policy or another document, to one address of its host.
struct PolicyClient: Sendable {
    let http: HTTPClient
    let settings: DiscoverySettings
    let trust: TLSContext
    /// What is asked for, in a word.
    var noun = "policy"

    /// Gets the body of the policy.
    func get(
        from host: DomainName, at address: IPAddress, before deadline: ContinuousClock.Instant,
        _ progress: FetchProgress
    ) async throws(AttemptFailure) -> [UInt8] {
        try await get("/.well-known/mta-sts.txt", as: "text/plain", from: host, at: address, before: deadline, progress)
    }

    /// Gets the body at a path; a media type that is given must be the answer's.
    func get(
        _ path: String, as mediaType: String?, from host: DomainName, at address: IPAddress,
        before deadline: ContinuousClock.Instant, _ progress: FetchProgress
    ) async throws(AttemptFailure) -> [UInt8] {
        progress.enter(.connecting(address))
        let waitLimit = min(settings.connectTimeout, deadline - .now)
        // A little longer, so that it is always the fetch's own deadline that passes.
        var request = HTTPRequest(
            host: host, address: address, port: settings.port, path: path, trust: trust,
            deadline: deadline + .seconds(1))
        request.userAgent = settings.userAgent
        request.accept = mediaType ?? "*/*"
        request.connectTimeout = waitLimit
        request.bodyLimitBytes = settings.bodyLimitBytes
        request.wantsBody = { Self.problem(with: $0, mediaType, from: host) == nil }
        request.enters = { progress.enter($0, host) }
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try await http.response(to: request)
        } catch {
            let reading = FailureReading(
                host: host, address: address, waitLimit: waitLimit, limit: settings.bodyLimitBytes, noun: noun)
            throw reading.failure(for: error)
        }
        progress.note(certificateEnd: response.certificateEnd)
        if let problem = Self.problem(with: response.head, mediaType, from: host) { throw problem }
        return response.body
    }

    /// - RFC 8461 §3.3: anything but a 200 is no policy, and the media type SHOULD be text/plain.
    private static func problem(
        with head: ResponseHead, _ mediaType: String?, from host: DomainName
    ) -> AttemptFailure? {
        let status = head.status
        guard status == 200 else {
            let remark = (300..<400).contains(status) ? ", redirects are not followed" : ""
            return AttemptFailure(.stsPolicyFetchError, "HTTP status \(status) from \(host)\(remark)", isFinal: true)
        }
        guard mediaType != nil else { return nil }
        guard let type = head.first("content-type") else {
            return AttemptFailure(.stsPolicyFetchError, "no Content-Type from \(host), not text/plain", isFinal: true)
        }
        guard isPlainText(type) else {
            let type = printable(type, limit: 60)
            return AttemptFailure(
                .stsPolicyFetchError, "Content-Type \(type) from \(host), not text/plain", isFinal: true)
        }
        return nil
    }
}

extension FetchProgress {
    fileprivate func enter(_ stage: HTTPRequest.Stage, _ host: DomainName) {
        switch stage {
        case .connecting: break
        case .awaitingHead: enter(.awaitingAnswer(host))
        case .readingBody: enter(.readingBody(host))
        }
    }
}

/// Whether a Content-Type is text/plain, whatever its parameters. - RFC 9110 §8.3.1: Media Type.
func isPlainText(_ contentType: String) -> Bool {
    let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return type.lowercased() == "text/plain"
}
