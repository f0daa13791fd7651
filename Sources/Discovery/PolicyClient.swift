// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Basics
import NIOCore
import NIOHTTP1
import NIOSSL

/// Sends the one request that gets a policy or another document, to one address of its host.
struct PolicyClient: Sendable {
    /// How long a host that does not close may keep a connection that we are done with.
    private static let closeTimeout: TimeAmount = .seconds(1)

    let group: any EventLoopGroup
    let settings: DiscoverySettings
    let trust: TrustRoots
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
    ///
    /// A client of its own serves each attempt, since the address it dials is part of a client's configuration.
    func get(
        _ path: String, as mediaType: String?, from host: DomainName, at address: IPAddress,
        before deadline: ContinuousClock.Instant, _ progress: FetchProgress
    ) async throws(AttemptFailure) -> [UInt8] {
        progress.enter(.connecting(address))
        let patience = min(settings.connectTimeout, deadline - .now)
        let client = HTTPClient(
            eventLoopGroupProvider: .shared(group),
            configuration: configuration(host, address, connectTimeout: patience, progress))
        // Not awaited: a connection still being made keeps a client open until its own timeout ends it, and the
        // caller's deadline comes first.
        defer { Task { try? await client.shutdown() } }
        do {
            let response = try await client.execute(request(path, mediaType, host), deadline: .distantFuture)
            try Self.check(response, mediaType, from: host)
            progress.enter(.readingBody(host))
            let body = try await response.body.collect(upTo: settings.bodyLimitBytes)
            return Array(body.readableBytesView)
        } catch let failure as AttemptFailure {
            throw failure
        } catch {
            let reading = FailureReading(
                host: host, address: address, patience: patience, limit: settings.bodyLimitBytes, noun: noun)
            guard reading.isUntrustedCertificate(error) else { throw reading.failure(for: error) }
            let diagnosis = CertificateDiagnosis(group: group, host: host, address: address, port: settings.port)
            throw reading.untrusted(await diagnosis.reason(within: min(patience, deadline - .now)))
        }
    }

    private func request(_ path: String, _ mediaType: String?, _ host: DomainName) -> HTTPClientRequest {
        let port = settings.port == 443 ? "" : ":\(settings.port)"
        var request = HTTPClientRequest(url: "https://\(host)\(port)\(path)")
        request.headers = ["User-Agent": settings.userAgent, "Accept": mediaType ?? "*/*", "Connection": "close"]
        return request
    }

    private func configuration(
        _ host: DomainName, _ address: IPAddress, connectTimeout: Duration, _ progress: FetchProgress
    ) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = trust.roots
        tls.minimumTLSVersion = .tlsv12
        tls.shutdownTimeout = Self.closeTimeout
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            // - RFC 8461 §3.3: HTTP 3xx redirects MUST NOT be followed.
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(connectTimeout)), decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.dnsOverride = [host.ascii: address.description]
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.maximumUsesPerConnection = 1
        configuration.http1_1ConnectionDebugInitializer = { channel in
            PeerIdentity.check(of: channel, against: host, progress)
        }
        return configuration
    }

    /// - RFC 8461 §3.3: anything but a 200 is no policy, and the media type SHOULD be text/plain.
    private static func check(
        _ response: HTTPClientResponse, _ mediaType: String?, from host: DomainName
    ) throws(AttemptFailure) {
        let status = response.status.code
        guard status == 200 else {
            let remark = (300..<400).contains(status) ? ", redirects are not followed" : ""
            throw AttemptFailure(.stsPolicyFetchError, "HTTP status \(status) from \(host)\(remark)", isFinal: true)
        }
        guard mediaType != nil else { return }
        guard let type = response.headers.first(name: "Content-Type") else {
            throw AttemptFailure(.stsPolicyFetchError, "no Content-Type from \(host), not text/plain", isFinal: true)
        }
        guard isPlainText(type) else {
            let type = printable(type, limit: 60)
            throw AttemptFailure(
                .stsPolicyFetchError, "Content-Type \(type) from \(host), not text/plain", isFinal: true)
        }
    }
}

/// Whether a Content-Type is text/plain, whatever its parameters. - RFC 9110 §8.3.1: Media Type.
func isPlainText(_ contentType: String) -> Bool {
    let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return type.lowercased() == "text/plain"
}
