// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// The network for a command that has nothing to ask: waiting for a resolver would be in vain.
struct NoNetwork: Router, PolicyDiscoverer, DocumentSource {
    private static let why = "the network is not asked"

    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) { throw .notAsked(Self.why) }
    func record(for domain: DomainName) async -> RecordLookup { .notAsked(Self.why) }
    func fetch(for domain: DomainName, isRenewal: Bool) async throws(FetchError) -> Policy.Reading {
        throw .notTried(Self.why)
    }
    func document(at url: String, limitBytes: Int) async throws(DocumentError) -> [UInt8] {
        throw DocumentError(Self.why)
    }
}
