// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS

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
        guard found.security == .secure else { return .absent }
        var bases = [candidate.name]
        if let canonical = found.canonicalName, canonical != candidate.name { bases.insert(canonical, at: 0) }
        for base in bases {
            let answer = await resolver.tlsa(of: base, port: candidate.port, within: settings.dnsTimeout)
            switch answer.outcome {
            case .records where answer.security == .secure:
                return answer.records.contains(where: \.isUsable) ? .usable : .unusable
            case .records, .noData, .noSuchDomain: continue
            case .failure(.bogus(let why)): return .bogus("\(candidate.name): \(why)")
            case .failure(let failure): return .unknown("\(candidate.name): TLSA lookup: \(failure)")
            }
        }
        return .absent
    }

    package func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy? {
        guard let found = try? await look(up: candidate, routeIsSecure: true), let base = found.tlsaBase else {
            return nil
        }
        return TLSAPolicy(base: base, records: found.tlsa)
    }
}

extension TLSARecord {
    /// - RFC 7672 §3.1.3: Certificate Usages PKIX-TA(0) and PKIX-EE(1) are not used with SMTP.
    fileprivate var isUsable: Bool {
        let lengths: [UInt8: Int] = [1: 32, 2: 64]
        guard usage == 2 || usage == 3, selector <= 1, matchingType <= 2 else { return false }
        return lengths[matchingType].map { $0 == association.count } ?? !association.isEmpty
    }
}
