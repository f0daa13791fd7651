// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Basics
import Concurrency
import HTTP
import NIOCore
import NIOHTTP1
import NIOSSL
import Reporting

/// One attempt to post a report, to one address of its endpoint.
struct Upload: Sendable {
    enum Ending: Sendable {
        case ended(SendResult)
        /// The endpoint cannot have the report: another address may be tried.
        case notSent(String)
    }

    private enum Outcome: Sendable {
        case answered(HTTPAnswer)
        case failed(String)
    }

    /// How long a host that does not close may keep a connection that we are done with.
    private static let closeTimeout: TimeAmount = .seconds(1)
    /// How long the text behind a status is waited for.
    private static let excerptTimeout = Duration.seconds(2)
    /// Octets of it that are looked at.
    private static let excerptBytes = 500

    let group: any EventLoopGroup
    let settings: CourierSettings
    let endpoint: ReportEndpoint
    let address: IPAddress
    let deadline: ContinuousClock.Instant

    func run(_ report: [UInt8], now: UTCTime, commit: @Sendable () async -> Bool) async -> Ending {
        let body = HeldBody(report)
        async let outcome = send(body)
        var consent: Bool?
        for await _ in body.arrivals {
            let isAllowed = await commit()
            consent = isAllowed
            body.release(isAllowed)
        }
        return Self.ending(await outcome, consent, now)
    }

    private static func ending(_ outcome: Outcome, _ consent: Bool?, _ now: UTCTime) -> Ending {
        switch (outcome, consent) {
        case (_, false): return .ended(.withdrawn)
        case (.answered(let answer), true): return .ended(answer.result(at: now))
        case (.answered(let answer), nil):
            // A 2xx before the body was complete is not an acceptance.
            guard answer.status >= 300 else {
                return .ended(.deferred("\(answer.text) before the report was sent", after: nil))
            }
            return .ended(answer.result(at: now))
        case (.failed(let text), nil): return .notSent(text)
        case (.failed(let text), true): return .ended(.uncertain("report sent, but no answer: \(text)"))
        }
    }

    /// Ends in time, and closes the body.
    private func send(_ body: HeldBody) async -> Outcome {
        defer { body.close() }
        return await before(deadline) { await post(body) } ?? .failed("\(address): not within the time allowed")
    }

    private func post(_ body: HeldBody) async -> Outcome {
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        // Not awaited: a connection still being made keeps a client open until its own timeout ends it, and the
        // deadline comes first.
        defer { Task { try? await client.shutdown() } }
        do {
            let response = try await client.execute(request(body), deadline: .distantFuture)
            var answer = HTTPAnswer(status: response.status.code)
            answer.retryAfter = response.headers.first(name: "Retry-After")
            if answer.status >= 300 { answer.excerpt = await Self.excerpt(response.body, before: deadline) }
            return .answered(answer)
        } catch {
            return .failed(failureText(error, address))
        }
    }

    private func request(_ body: HeldBody) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: endpoint.url)
        request.method = .POST
        request.headers = [
            "User-Agent": settings.userAgent, "Content-Type": "application/tlsrpt+gzip", "Connection": "close",
        ]
        request.body = .stream(body, length: .known(Int64(body.count)))
        return request
    }

    private var configuration: HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        // - RFC 8460 §3: certificate errors MAY be ignored. - §7: else broken TLS could not be reported.
        tls.certificateVerification = .none
        tls.minimumTLSVersion = .tlsv12
        tls.shutdownTimeout = Self.closeTimeout
        let connectTimeout = min(settings.connectTimeout, deadline - .now)
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(connectTimeout)), decompression: .disabled)
        configuration.httpVersion = .http1Only
        if case .name(let name) = endpoint.host { configuration.dnsOverride = [name.ascii: address.description] }
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.maximumUsesPerConnection = 1
        configuration.http1_1ConnectionDebugInitializer = { channel in
            do {
                try InterimAnswers.bound(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            } catch {
                // The client forgets a connection that fails here without closing it.
                channel.eventLoop.execute { channel.close(promise: nil) }
                return channel.eventLoop.makeFailedFuture(error)
            }
        }
        return configuration
    }

    private static func excerpt(
        _ body: HTTPClientResponse.Body, before deadline: ContinuousClock.Instant
    ) async -> String {
        let part = await before(min(deadline, .now + excerptTimeout)) {
            var parts = body.makeAsyncIterator()
            return try? await parts.next()
        }
        return String(decoding: (part ?? nil)?.readableBytesView.prefix(excerptBytes) ?? [], as: UTF8.self)
    }
}
