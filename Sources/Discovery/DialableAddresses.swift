// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import Wire

/// The addresses of web hosts that may be dialled, asked from our own resolver so that what is checked is what is dialled.
struct DialableAddresses: Sendable {
    /// Addresses of one host that are tried.
    private static let maxAddresses = 8

    let resolver: DNSResolver
    let allowsPrivate: Bool

    func addresses(
        of host: DomainName, before deadline: ContinuousClock.Instant
    ) async throws(FetchError) -> [IPAddress] {
        // A little longer, so that it is always the fetch's own deadline that passes.
        let answer = await resolver.addresses(of: host, within: deadline - .now + .seconds(1))
        switch answer.outcome {
        case .records: break
        case .noData: throw Self.failed("\(host) has no address")
        case .noSuchDomain: throw Self.failed("\(host) does not exist")
        case .failure(let failure) where failure.isOurs: throw .notTried("address of \(host): \(failure)")
        case .failure(let failure): throw Self.failed("address of \(host): \(failure)")
        }
        let allowed = answer.records.filter { allowsPrivate || $0.isPublic }
        guard !allowed.isEmpty else {
            let refused = answer.records.first.map { ": \($0)" } ?? ""
            throw Self.failed("\(host) has private addresses only\(refused)")
        }
        return Array(allowed.prefix(Self.maxAddresses))
    }

    private static func failed(_ text: String) -> FetchError { .failed(PolicyFailure(.stsPolicyFetchError, text)) }
}
