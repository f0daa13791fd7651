// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Core
import DNS
import HTTP
import MTASTS
import TLS

/// Asks a domain for its MTA-STS record by DNS and for its policy by HTTPS. Remembers nothing.
package struct HTTPPolicyDiscoverer: PolicyDiscoverer {
    private let resolver: DNSResolver
    private let settings: DiscoverySettings
    private let client: PolicyClient
    private let dialable: DialableAddresses
    /// Not the same places, so that a task that waits for one holds none.
    private let lookups: FairSemaphore
    private let connections: FairSemaphore

    /// - Parameters:
    ///   - http: never shut down here.
    ///   - trust: the authorities from which policy hosts' certificates must descend.
    package init(resolver: DNSResolver, settings: DiscoverySettings, http: HTTPClient, trust: TLSContext) {
        self.resolver = resolver
        self.settings = settings
        client = PolicyClient(http: http, settings: settings, trust: trust)
        dialable = DialableAddresses(resolver: resolver, allowsPrivate: settings.allowPrivateAddresses)
        lookups = Self.places(settings)
        connections = Self.places(settings)
    }

    private static func places(_ settings: DiscoverySettings) -> FairSemaphore {
        FairSemaphore(
            places: settings.maxFetches, reservedPlaces: settings.maxFetches / settings.renewalPart,
            maxWaiting: settings.maxWaiting, waitLimit: settings.placeWaitLimit)
    }

    /// Gets other documents under the same settings.
    package var documents: DocumentFetcher {
        DocumentFetcher(settings: settings, dialable: dialable, http: client.http, trust: client.trust)
    }

    /// Asks for the record at `_mta-sts.<domain>`. - RFC 8461 §3.1: MTA-STS TXT Records.
    package func record(for domain: DomainName) async -> RecordLookup {
        // A name too long for the label in front cannot have the record.
        guard domain.child("_mta-sts") != nil else { return .found(.absent) }
        let answer = await resolver.txt(domain.service("_mta-sts"), within: settings.dnsTimeout)
        switch answer.outcome {
        case .records:
            guard !answer.records.isEmpty else { return .unavailable("malformed TXT records at _mta-sts.\(domain)") }
            return .found(STSRecord.select(from: answer.records.map { String(decoding: $0, as: UTF8.self) }))
        case .noData, .noSuchDomain:
            return .found(.absent)
        case .failure(let failure) where failure.isOurs:
            return .notAsked("TXT at _mta-sts.\(domain): \(failure)")
        case .failure(let failure):
            return .unavailable("TXT at _mta-sts.\(domain): \(failure)")
        }
    }

    /// Gets and reads `https://mta-sts.<domain>/.well-known/mta-sts.txt`. - RFC 8461 §3.3: HTTPS Policy Fetching.
    package func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        try await fetchSeeing(domain, isRenewal: isRenewal).reading
    }

    /// The same, with when the certificate of the policy's host ends.
    package func fetchSeeing(
        _ domain: DomainName, isRenewal: Bool = false
    ) async throws(FetchError) -> (reading: Policy.Reading, certificateEnd: UTCTime?) {
        guard let host = domain.child("mta-sts") else {
            throw .failed(
                PolicyFailure(.stsPolicyFetchError, "mta-sts.\(domain) is longer than a name may be"))
        }
        var fetch = Fetch(
            host: host, shares: Share.owners(of: domain, host), isRenewal: isRenewal, left: settings.fetchDeadline,
            progress: FetchProgress(of: host))
        let body = try await download(&fetch)
        do throws(PolicyError) {
            return (try Policy.read(body), fetch.progress.certificateEnd)
        } catch {
            throw .failed(PolicyFailure(.stsPolicyInvalid, "policy of \(host): \(error)"))
        }
    }

    /// One fetch under way.
    private struct Fetch {
        let host: DomainName
        let shares: [Share]
        let isRenewal: Bool
        /// Of its time; waiting for a place costs none of it.
        var left: Duration
        let progress: FetchProgress
    }

    /// Tries the host's addresses in turn until one of them gives an answer, of whatever kind.
    private func download(_ fetch: inout Fetch) async throws(FetchError) -> [UInt8] {
        let (host, progress) = (fetch.host, fetch.progress)
        let addresses = try await timed(&fetch, in: lookups, fetch.shares) { deadline throws(FetchError) in
            try await dialable.addresses(of: host, before: deadline)
        }
        var failures: [AttemptFailure] = []
        for address in addresses {
            // By its own block. A domain may name other people's addresses beside a slow one: it must not hold the
            // places of their block.
            let shares = fetch.shares + [.block(of: address)]
            let attempt: Result<[UInt8], AttemptFailure> = try await timed(&fetch, in: connections, shares) {
                deadline in
                do throws(AttemptFailure) {
                    return .success(try await client.get(from: host, at: address, before: deadline, progress))
                } catch {
                    return .failure(error)
                }
            }
            switch attempt {
            case .success(let body): return body
            case .failure(let failure): failures.append(failure)
            }
            if failures.last?.isFinal == true { break }
        }
        throw failures.outcome
    }

    /// Does a part of a fetch in a place of its own and within the time that the fetch has left.
    private func timed<Value: Sendable>(
        _ fetch: inout Fetch, in places: FairSemaphore, _ shares: [Share],
        _ work: @escaping @Sendable (ContinuousClock.Instant) async throws(FetchError) -> Value
    ) async throws(FetchError) -> Value {
        var left = fetch.left
        let outcome: Result<Value, FetchError>?? = await places.run(for: shares, isReserved: fetch.isRenewal) {
            let start = ContinuousClock.now
            let deadline = start + left
            defer { left -= ContinuousClock.now - start }
            return await before(deadline) {
                do throws(FetchError) { return .success(try await work(deadline)) } catch { return .failure(error) }
            }
        }
        fetch.left = left
        // What a cancelled attempt throws depends on how far it was.
        if Task.isCancelled { throw .notTried("fetch cancelled") }
        guard let outcome else { throw .notTried("too many fetches under way") }
        guard let result = outcome else {
            let waitLimit = settings.fetchDeadline.secondsText
            throw .failed(
                PolicyFailure(.stsPolicyFetchError, "no policy within \(waitLimit): \(fetch.progress.text)"))
        }
        return try result.get()
    }
}
