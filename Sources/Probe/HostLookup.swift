// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names
import Wire

/// Where a host is, and the TLSA records that it must keep.
struct HostLookup: Sendable {
    let addresses: [IPAddress]
    /// Empty if DANE does not apply.
    let tlsa: [TLSARecord]
    /// The name below which the records stand.
    let tlsaBase: DomainName?
    /// Why nobody knows whether there are records.
    var tlsaTrouble: String?
}

/// Why a host is not even dialled.
enum LookupFailure: Error, Sendable {
    case unreachable(String)
    case failing(Failure)
}

extension SMTPProber {
    func look(up candidate: Candidate, routeIsSecure: Bool) async throws(LookupFailure) -> HostLookup {
        let found = await resolver.addresses(of: candidate.name, within: settings.dnsTimeout)
        switch found.outcome {
        case .records: break
        case .noData, .noSuchDomain: throw .unreachable("no address")
        case .failure(.bogus(let why)): throw .failing(Self.dnssec("address records", why))
        case .failure(let failure): throw .unreachable("address lookup: \(failure)")
        }
        let addresses = try dialable(found.records)
        // - RFC 7672 §2.2: TLS Discovery. Without a secure way to the host its TLSA records prove nothing.
        guard routeIsSecure, found.security == .secure else {
            return HostLookup(addresses: addresses, tlsa: [], tlsaBase: nil)
        }
        // - RFC 7672 §2.2.3: TLSA Record Lookup. The end of the CNAME chain first, then the name itself.
        var bases = [candidate.name]
        if let canonical = found.canonicalName, canonical != candidate.name { bases.insert(canonical, at: 0) }
        var host = HostLookup(addresses: addresses, tlsa: [], tlsaBase: nil)
        for base in bases {
            let answer = await resolver.tlsa(of: base, port: candidate.port, within: settings.dnsTimeout)
            switch answer.outcome {
            case .records where answer.security == .secure && !answer.records.isEmpty:
                return HostLookup(addresses: addresses, tlsa: answer.records, tlsaBase: base)
            case .records, .noData, .noSuchDomain: continue
            case .failure(.bogus(let why)): throw .failing(Self.dnssec("TLSA records", why))
            case .failure(let failure):
                host.tlsaTrouble = "TLSA lookup: \(failure)"
                return host
            }
        }
        return host
    }

    /// The addresses that may be dialled, a bounded number of each family.
    private func dialable(_ addresses: [IPAddress]) throws(LookupFailure) -> [IPAddress] {
        let allowed = addresses.filter { settings.allowsPrivateAddresses || $0.isPublic }
        guard !allowed.isEmpty else {
            throw .unreachable("no public address: \(addresses.prefix(3).map(\.description).joined(separator: ", "))")
        }
        let limit = settings.maxAddressesPerFamily
        return Array(allowed.filter(\.isIPv6).prefix(limit) + allowed.filter { !$0.isIPv6 }.prefix(limit))
    }

    private static func dnssec(_ what: String, _ why: String) -> Failure {
        Failure(.dnssecInvalid, text: "\(what) fail DNSSEC validation: \(why)")
    }
}
