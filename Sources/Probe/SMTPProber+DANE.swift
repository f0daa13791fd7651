// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS
import TLS

/// What the DNS says of the TLSA records of a host.
enum TLSALookup: Sendable {
    /// Secure records: those that can be used, and the name below which they stand, with all that stand there.
    case records([TLSARecord], DomainName, published: [TLSARecord])
    /// None, or none that DNSSEC vouches for.
    case absent
    case bogus(String)
    /// No answer; the text says for what.
    case failed(String)
    case localFailure(String)
}

extension SMTPProber {
    /// The one lookup for probes, and so for the milter and `check`, and for the policy map.
    /// - Parameter found: the addresses of the host.
    /// - RFC 7672 §2.2: TLS Discovery. Without a secure way to the host its TLSA records prove nothing.
    func tlsa(of candidate: MXHost, at found: DNSAnswer<IPAddress>, routeIsSecure: Bool) async -> TLSALookup {
        guard routeIsSecure else { return .absent }
        var bases = [candidate.name]
        if found.security == .secure {
            // - RFC 7672 §2.2.3: TLSA Record Lookup. The end of the CNAME chain first, then the name itself.
            if let canonical = found.canonicalName, canonical != candidate.name { bases.insert(canonical, at: 0) }
        } else {
            switch await aliasIsSecure(at: candidate.name, found) {
            case .absent: return .absent
            case .records: break
            case let failure: return failure
            }
        }
        for base in bases {
            let answer = await resolver.tlsa(of: base, port: candidate.port, within: settings.dnsTimeout)
            switch answer.outcome {
            case .records where answer.security == .secure:
                do throws(TLSSetupError) {
                    return .records(try tls.usable(answer.records, of: base), base, published: answer.records)
                } catch {
                    return .localFailure("TLSA records: \(error)")
                }
            case .records, .noData, .noSuchDomain: continue
            case .failure(let failure): return .init(failure, "TLSA lookup")
            }
        }
        return .absent
    }

    /// Whether an alias that DNSSEC vouches for leads to addresses for which it does not: then the records below the
    /// alias's own name hold. Anything but ``TLSALookup/absent`` and records, here none, is a failure.
    /// - RFC 7672 §2.2.3: TLSA Record Lookup, the initial response to an insecure CNAME.
    private func aliasIsSecure(at name: DomainName, _ found: DNSAnswer<IPAddress>) async -> TLSALookup {
        guard found.canonicalName != name else { return .absent }
        let answer = await resolver.alias(at: name, within: settings.dnsTimeout)
        switch answer.outcome {
        case .records: return answer.security == .secure ? .records([], name, published: []) : .absent
        case .noData, .noSuchDomain: return .absent
        case .failure(let failure): return .init(failure, "CNAME lookup")
        }
    }
}

extension TLSALookup {
    fileprivate init(_ failure: DNSFailure, _ question: String) {
        self =
            switch failure {
            case .bogus(let why): .bogus(why)
            case _ where failure.isOurs: .localFailure("\(question): \(failure)")
            default: .failed("\(question): \(failure)")
            }
    }
}

extension SMTPProber: DANESurveyor {
    /// Asks the DNS alone; a host that does not exist has no records to keep. - RFC 7672 §2.2: TLS Discovery.
    package func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus {
        guard routeIsSecure else { return .absent }
        let found = await resolver.addresses(of: candidate.name, within: settings.dnsTimeout)
        switch found.outcome {
        case .records: break
        case .noData, .noSuchDomain: return .absent
        case .failure(.bogus(let why)): return .bogus("\(candidate.name): \(why)")
        case .failure(let failure) where failure.isOurs:
            return .unknown("\(candidate.name): address lookup: \(failure)")
        case .failure(let failure): return .unreachable("\(candidate.name): address lookup: \(failure)")
        }
        return switch await tlsa(of: candidate, at: found, routeIsSecure: routeIsSecure) {
        case .absent: .absent
        case .records(let usable, _, _): usable.isEmpty ? .unusable : .usable
        case .bogus(let why): .bogus("\(candidate.name): \(why)")
        case .failed(let text), .localFailure(let text): .unknown("\(candidate.name): \(text)")
        }
    }

    package func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy? {
        guard let found = try? await look(up: candidate, routeIsSecure: true), let base = found.tlsaBase else {
            return nil
        }
        return TLSAPolicy(base: base, records: found.published)
    }
}
