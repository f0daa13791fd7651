// SPDX-License-Identifier: Apache-2.0
import Basics

extension DNSResolver {
    /// The mail exchangers of a domain, in the order the DNS gave them.
    package func mx(of domain: DomainName, within timeout: Duration) async -> DNSAnswer<MXRecord> {
        await query(domain.query, .mx, within: timeout).reading(MXRecord.init(data:))
    }

    /// The texts at a name, the strings of each record joined.
    package func txt(_ name: QueryName, within timeout: Duration) async -> DNSAnswer<[UInt8]> {
        await query(name, .txt, within: timeout).reading(joinedText(data:))
    }

    /// The TLSA records for a service on TCP.
    package func tlsa(of host: DomainName, port: UInt16, within timeout: Duration) async -> DNSAnswer<TLSARecord> {
        await query(host.tlsa(port: port), .tlsa, within: timeout).reading(TLSARecord.init(data:))
    }

    /// The alias that stands at a name itself, wherever it leads: whether DNSSEC vouches for that one record.
    package func alias(at name: DomainName, within timeout: Duration) async -> DNSAnswer<[UInt8]> {
        await query(name.query, .cname, within: timeout)
    }

    /// The addresses of a host, of both families at once.
    package func addresses(of host: DomainName, within timeout: Duration) async -> DNSAnswer<IPAddress> {
        async let six = query(host.query, .aaaa, within: timeout)
        async let four = query(host.query, .a, within: timeout)
        return combine(
            await four.reading { address(data: $0, type: .a) }, await six.reading { address(data: $0, type: .aaaa) })
    }
}

/// One answer out of those for both families.
///
/// Addresses of one family are good enough when the other fails, forged or not: an MTA sees as little of it. It is secure
/// only if every part that counts is. - RFC 7672 §2.1.1: DNS Lookup Errors; §2.2: TLS Discovery.
func combine(_ four: DNSAnswer<IPAddress>, _ six: DNSAnswer<IPAddress>) -> DNSAnswer<IPAddress> {
    let parts = [four, six]
    // What we could not ask for may be what the MTA will dial.
    for part in parts where part.outcome.failure?.isOurs == true { return part }
    let full = parts.filter { $0.outcome == .records }
    guard let first = full.first else {
        let failed = parts.filter { $0.outcome.failure != nil }
        if let worst = failed.first(where: { $0.security == .bogus }) ?? failed.first { return worst }
        let absent = parts.first { $0.outcome == .noSuchDomain } ?? four
        return DNSAnswer(
            outcome: absent.outcome, canonicalName: absent.canonicalName, timeToLive: absent.timeToLive,
            security: parts.allSatisfy { $0.security == .secure } ? .secure : .insecure)
    }
    return DNSAnswer(
        outcome: .records, records: full.flatMap(\.records), malformed: full.reduce(0) { $0 + $1.malformed },
        isCut: full.contains(where: \.isCut), canonicalName: first.canonicalName,
        timeToLive: full.map(\.timeToLive).min() ?? .zero,
        security: full.allSatisfy { $0.security == .secure } ? .secure : .insecure)
}
