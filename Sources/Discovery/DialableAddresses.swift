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
    ) async throws(PolicyFailure) -> [IPAddress] {
        // A little longer, so that it is always the fetch's own deadline that passes.
        let answer = await resolver.addresses(of: host, within: deadline - .now + .seconds(1))
        switch answer.outcome {
        case .records: break
        case .noData: throw PolicyFailure(.stsPolicyFetchError, "\(host) has no address")
        case .noSuchDomain: throw PolicyFailure(.stsPolicyFetchError, "\(host) does not exist")
        case .failure(let failure): throw PolicyFailure(.stsPolicyFetchError, "address of \(host): \(failure)")
        }
        let allowed = answer.records.filter { allowsPrivate || $0.isPublic }
        guard !allowed.isEmpty else {
            let refused = answer.records.first.map { ": \($0)" } ?? ""
            throw PolicyFailure(.stsPolicyFetchError, "\(host) has private addresses only\(refused)")
        }
        return Array(allowed.prefix(Self.maxAddresses))
    }
}
