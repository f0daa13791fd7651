// SPDX-License-Identifier: Apache-2.0
import MTASTS
import NIOCore
import NIOPosix
import Names
import Wire

/// Asks a domain for its MTA-STS record by DNS and for its policy by HTTPS. Remembers nothing.
package struct HTTPPolicyDiscoverer: PolicyDiscoverer {
    /// The fetches' own thread: what TLS costs must not keep those waiting who are answered on an event loop, as an MTA
    /// that asks the policy map.
    package static let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let resolver: DNSResolver
    private let settings: DiscoverySettings
    private let client: PolicyClient
    private let dialable: DialableAddresses
    private let slots: FetchSlots

    /// Reads the trusted authorities: a change of the file needs a new discoverer.
    /// - Parameter eventLoopGroup: must outlive the discoverer; it is never shut down here.
    package init(
        resolver: DNSResolver, settings: DiscoverySettings,
        eventLoopGroup: any EventLoopGroup = Self.eventLoops
    ) throws(DiscoverySetupError) {
        self.resolver = resolver
        self.settings = settings
        client = PolicyClient(group: eventLoopGroup, settings: settings, trust: try TrustRoots(caFile: settings.caFile))
        dialable = DialableAddresses(resolver: resolver, allowsPrivate: settings.allowPrivateAddresses)
        slots = FetchSlots(count: settings.maxFetches)
    }

    /// Gets other documents under the same settings.
    package var documents: DocumentFetcher {
        DocumentFetcher(settings: settings, dialable: dialable, group: client.group, trust: client.trust)
    }

    /// Asks for the record at `_mta-sts.<domain>`. - RFC 8461 §3.1: MTA-STS TXT Records.
    package func record(for domain: DomainName) async -> RecordFinding {
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
        guard let host = domain.child("mta-sts") else {
            throw .failed(
                PolicyFailure(.stsPolicyFetchError, "mta-sts.\(domain) is longer than a name may be"))
        }
        let progress = FetchProgress(of: host)
        let outcome = await slots.run(waitingAtMost: settings.placePatience) {
            let deadline = ContinuousClock.now + settings.fetchDeadline
            return await before(deadline) { await download(from: host, before: deadline, progress) }
        }
        // What a cancelled attempt throws depends on how far it was.
        if Task.isCancelled { throw .notTried("fetch cancelled") }
        guard let outcome else { throw .notTried("too many fetches under way") }
        guard let result = outcome else {
            let patience = settings.fetchDeadline.secondsText
            throw .failed(PolicyFailure(.stsPolicyFetchError, "no policy within \(patience): \(progress.text)"))
        }
        let body = try result.get()
        do throws(PolicyError) {
            return try Policy.read(body)
        } catch {
            throw .failed(PolicyFailure(.stsPolicyInvalid, "policy of \(host): \(error)"))
        }
    }

    /// Tries the host's addresses in turn until one of them gives an answer, of whatever kind.
    private func download(
        from host: DomainName, before deadline: ContinuousClock.Instant, _ progress: FetchProgress
    ) async -> Result<[UInt8], FetchError> {
        do throws(FetchError) {
            let addresses = try await dialable.addresses(of: host, before: deadline)
            var failures: [AttemptFailure] = []
            for address in addresses where !Task.isCancelled {
                do throws(AttemptFailure) {
                    return .success(try await client.get(from: host, at: address, before: deadline, progress))
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
