// SPDX-License-Identifier: Apache-2.0
import Basics

/// The addresses of hosts that strangers name, asked from our own resolver so that what is checked is what is dialled.
package struct DialableAddresses: Sendable {
    /// Addresses of one host that are tried.
    private static let maxAddresses = 8

    private let resolver: DNSResolver
    private let allowsPrivate: Bool

    package init(resolver: DNSResolver, allowsPrivate: Bool) {
        self.resolver = resolver
        self.allowsPrivate = allowsPrivate
    }

    package func addresses(of host: DomainName, within timeout: Duration) async throws(Undialable) -> [IPAddress] {
        let answer = await resolver.addresses(of: host, within: timeout)
        switch answer.outcome {
        case .records: break
        case .noData: throw .forGood("\(host) has no address")
        case .noSuchDomain: throw .forGood("\(host) does not exist")
        case .failure(let failure) where failure.isOurs: throw .notAsked("address of \(host): \(failure)")
        case .failure(let failure): throw .forNow("address of \(host): \(failure)")
        }
        let allowed = answer.records.filter(allows)
        guard !allowed.isEmpty else {
            let refused = answer.records.first.map { ": \($0)" } ?? ""
            throw .forGood("\(host) has private addresses only\(refused)")
        }
        return Array(allowed.prefix(Self.maxAddresses))
    }

    package func allows(_ address: IPAddress) -> Bool { allowsPrivate || address.isPublic }
}

/// Why no address of a host can be dialled; the text is safe to print.
package enum Undialable: Error, Sendable, Equatable {
    /// The failure is our own and says nothing of the host: ask again later.
    case notAsked(String)
    /// The DNS gave no answer: ask again later.
    case forNow(String)
    /// The DNS says so.
    case forGood(String)

    package var text: String {
        switch self {
        case .notAsked(let text), .forNow(let text), .forGood(let text): text
        }
    }
}
