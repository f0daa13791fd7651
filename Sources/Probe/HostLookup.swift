// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS

/// Where a host is, and the TLSA records that it must keep.
struct HostLookup: Sendable {
    let addresses: [IPAddress]
    /// Whether these are all addresses of the host: the DNS may have told more than we read.
    var isWhole = true
    /// Those that can be used; empty if DANE does not authenticate the host.
    var tlsa: [TLSARecord] = []
    /// All that DNSSEC vouches for.
    var published: [TLSARecord] = []
    /// The name below which the records stand.
    var tlsaBase: DomainName?
}

/// Why a host is not even dialled.
enum LookupFailure: Error, Sendable {
    case unreachable(String)
    /// Nobody knows whether there are TLSA records.
    case unresolved(String)
    case failing(Failure)
    case localFailure(String)
}

extension SMTPProber {
    func look(up candidate: MXHost, routeIsSecure: Bool) async throws(LookupFailure) -> HostLookup {
        let found = await resolver.addresses(of: candidate.name, within: settings.dnsTimeout)
        switch found.outcome {
        case .records: break
        case .noData, .noSuchDomain: throw .unreachable("no address")
        case .failure(.bogus(let why)): throw .failing(Self.dnssec("address records", why))
        case .failure(let failure) where failure.isOurs: throw .localFailure("address lookup: \(failure)")
        case .failure(let failure): throw .unreachable("address lookup: \(failure)")
        }
        let addresses = try dialable(found.records)
        // An address that we must not dial, or cannot read, is one that the MTA may dial all the same.
        let isWhole = !found.isCut && found.malformed == 0 && addresses.count == found.records.count
        switch await tlsa(of: candidate, at: found, routeIsSecure: routeIsSecure) {
        case .absent: return HostLookup(addresses: addresses, isWhole: isWhole)
        case .records(let usable, let base, let published):
            return HostLookup(
                addresses: addresses, isWhole: isWhole, tlsa: usable, published: published, tlsaBase: base)
        case .bogus(let why): throw .failing(Self.dnssec("TLSA records", why))
        case .localFailure(let text): throw .localFailure(text)
        case .failed(let text): throw .unresolved(text)
        }
    }

    /// The addresses that may be dialled, both families in turn: a family that is dead must not hold up the other.
    private func dialable(_ addresses: [IPAddress]) throws(LookupFailure) -> [IPAddress] {
        let allowed = addresses.filter { settings.allowsPrivateAddresses || $0.isPublic }
        guard !allowed.isEmpty else {
            throw .unreachable("no public address: \(addresses.prefix(3).map(\.description).joined(separator: ", "))")
        }
        let (six, four) = (allowed.filter(\.isIPv6), allowed.filter { !$0.isIPv6 })
        return (0..<max(six.count, four.count)).flatMap { six.dropFirst($0).prefix(1) + four.dropFirst($0).prefix(1) }
    }

    private static func dnssec(_ what: String, _ why: String) -> Failure {
        Failure(.dnssecInvalid, text: "\(what) fail DNSSEC validation: \(why)")
    }
}
