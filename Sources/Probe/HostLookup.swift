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
        for base in bases {
            let records = try await tlsa(below: base, port: candidate.port)
            if !records.isEmpty { return HostLookup(addresses: addresses, tlsa: records, tlsaBase: base) }
        }
        return HostLookup(addresses: addresses, tlsa: [], tlsaBase: nil)
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

    private func tlsa(below base: DomainName, port: UInt16) async throws(LookupFailure) -> [TLSARecord] {
        let answer = await resolver.tlsa(of: base, port: port, within: settings.dnsTimeout)
        switch answer.outcome {
        case .records: return answer.security == .secure ? answer.records : []
        case .noData, .noSuchDomain: return []
        case .failure(.bogus(let why)): throw .failing(Self.dnssec("TLSA records", why))
        // - RFC 7672 §2.1.2: DNS Error Handling. The host may have records: it is not to be used now.
        case .failure(let failure): throw .unreachable("TLSA lookup: \(failure)")
        }
    }

    private static func dnssec(_ what: String, _ why: String) -> Failure {
        Failure(.dnssecInvalid, text: "\(what) fail DNSSEC validation: \(why)")
    }
}
