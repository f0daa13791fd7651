// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS

/// Where a host is, and the TLSA records that it must keep.
struct HostLookup: Sendable {
    let addresses: [IPAddress]
    /// Whether these are all addresses of the host: the DNS may have told more than we read.
    var isWhole = true
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
    case ownTrouble(String)
}

extension SMTPProber {
    func look(up candidate: MXHost, routeIsSecure: Bool) async throws(LookupFailure) -> HostLookup {
        let found = await resolver.addresses(of: candidate.name, within: settings.dnsTimeout)
        switch found.outcome {
        case .records: break
        case .noData, .noSuchDomain: throw .unreachable("no address")
        case .failure(.bogus(let why)): throw .failing(Self.dnssec("address records", why))
        case .failure(let failure) where failure.isOurs: throw .ownTrouble("address lookup: \(failure)")
        case .failure(let failure): throw .unreachable("address lookup: \(failure)")
        }
        let addresses = try dialable(found.records)
        // An address that we must not dial, or cannot read, is one that the MTA may dial all the same.
        let isWhole = !found.isCut && found.malformed == 0 && addresses.count == found.records.count
        // - RFC 7672 §2.2: TLS Discovery. Without a secure way to the host its TLSA records prove nothing.
        guard routeIsSecure, found.security == .secure else {
            return HostLookup(addresses: addresses, isWhole: isWhole, tlsa: [], tlsaBase: nil)
        }
        // - RFC 7672 §2.2.3: TLSA Record Lookup. The end of the CNAME chain first, then the name itself.
        var bases = [candidate.name]
        if let canonical = found.canonicalName, canonical != candidate.name { bases.insert(canonical, at: 0) }
        var host = HostLookup(addresses: addresses, isWhole: isWhole, tlsa: [], tlsaBase: nil)
        for base in bases {
            let answer = await resolver.tlsa(of: base, port: candidate.port, within: settings.dnsTimeout)
            switch answer.outcome {
            case .records where answer.security == .secure && !answer.records.isEmpty:
                return HostLookup(addresses: addresses, isWhole: isWhole, tlsa: answer.records, tlsaBase: base)
            case .records, .noData, .noSuchDomain: continue
            case .failure(.bogus(let why)): throw .failing(Self.dnssec("TLSA records", why))
            case .failure(let failure) where failure.isOurs: throw .ownTrouble("TLSA lookup: \(failure)")
            case .failure(let failure):
                host.tlsaTrouble = "TLSA lookup: \(failure)"
                return host
            }
        }
        return host
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
