// SPDX-License-Identifier: Apache-2.0
import Basics
import DNS
import Reporting
import TLSRPT

/// Asks a domain for its TLSRPT record by DNS. - RFC 8460 §3: Reporting Policy.
package struct ReportRecordResolver: ReportRecordSource {
    /// Octets of a name to which the label pair is put in front.
    private static let maxOctets = DomainName.maxOctets - "_smtp._tls.".utf8.count

    private let resolver: DNSResolver
    private let timeout: Duration

    package init(resolver: DNSResolver, timeout: Duration) {
        self.resolver = resolver
        self.timeout = timeout
    }

    package func record(for domain: DomainName) async -> ReportRecordLookup {
        // A name too long for the labels in front cannot have the record.
        guard domain.ascii.utf8.count <= Self.maxOctets else { return .found(.absent) }
        let answer = await resolver.txt(domain.service("_smtp._tls"), within: timeout)
        switch answer.outcome {
        case .records:
            guard !answer.records.isEmpty else { return .unavailable("malformed TXT records at _smtp._tls.\(domain)") }
            return .found(TLSRPTRecord.select(from: answer.records.map { String(decoding: $0, as: UTF8.self) }))
        case .noData, .noSuchDomain:
            return .found(.absent)
        case .failure(let failure):
            return .unavailable("TXT at _smtp._tls.\(domain): \(failure)")
        }
    }
}
