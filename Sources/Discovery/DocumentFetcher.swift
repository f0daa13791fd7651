// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import DNS
import HTTP
import TLS

/// Gets documents by HTTPS, made by ``HTTPPolicyDiscoverer/documents``, under the rules of policies: checked addresses, no redirects, one deadline, a body limit.
package struct DocumentFetcher: DocumentSource {
    /// Time for one document, from DNS to its last octet: a list is larger than a policy.
    private static let waitLimit = Duration.seconds(120)

    let settings: DiscoverySettings
    let dialable: DialableAddresses
    let http: HTTPClient
    let trust: TLSContext

    package func document(at url: String, limitBytes: Int) async throws(DocumentError) -> [UInt8] {
        guard let place = WebPlace(url) else {
            throw DocumentError("\(printable(url)): not a URL such as https://example.org/policy.json")
        }
        var settings = settings
        settings.bodyLimitBytes = limitBytes
        settings.port = place.port
        let client = PolicyClient(http: http, settings: settings, trust: trust, noun: "document")
        let progress = FetchProgress(of: place.host)
        let deadline = ContinuousClock.now + Self.waitLimit
        let result = await before(deadline) { await download(place, client, before: deadline, progress) }
        guard let result else {
            throw DocumentError(
                "\(printable(url)): not within \(Self.waitLimit.secondsText): \(progress.text)")
        }
        switch result {
        case .success(let body): return body
        case .failure(.failed(let failure)): throw DocumentError("\(printable(url)): \(failure.text)")
        case .failure(.notTried(let text)): throw DocumentError("\(printable(url)): \(text)")
        }
    }

    private func download(
        _ place: WebPlace, _ client: PolicyClient, before deadline: ContinuousClock.Instant, _ progress: FetchProgress
    ) async -> Result<[UInt8], FetchError> {
        do throws(FetchError) {
            var failures: [AttemptFailure] = []
            for address in try await dialable.addresses(of: place.host, before: deadline) where !Task.isCancelled {
                do throws(AttemptFailure) {
                    return .success(
                        try await client.get(
                            place.path, as: nil, from: place.host, at: address, before: deadline, progress))
                } catch {
                    failures.append(error)
                    if error.isFinal { break }
                }
            }
            return .failure(failures.outcome)
        } catch {
            return .failure(error)
        }
    }
}

/// The parts of an https URL; no user, no address literal, nothing that a request line could not hold.
package struct WebPlace: Sendable, Equatable {
    package let host: DomainName
    package let port: UInt16
    /// With the query, from the first slash on.
    package let path: String

    package init?(_ url: String) {
        let scheme = "https://"
        guard url.utf8.count <= 2048, url.lowercased().hasPrefix(scheme) else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard rest.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !rest.contains("#") else { return nil }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let name = parts.first, let host = try? DomainName(name) else { return nil }
        var port: UInt16 = 443
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(parts[1]), number > 0
            else { return nil }
            port = number
        }
        self.host = host
        self.port = port
        let tail = rest.dropFirst(authority.count)
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
    }
}
