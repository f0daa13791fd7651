// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// To whom no report goes, by the operator's word.
package struct NeverList: Sendable, Hashable {
    /// Policy domains and hosts of destinations, with all names below them.
    private var domains: [DomainName] = []
    private var destinations: Set<ReportDestination> = []

    package init() {}

    /// Adds a domain, a mail address, or a URI as in `rua`.
    /// - Returns: false if the text is none of these.
    package mutating func add(_ text: String) -> Bool {
        if let domain = try? DomainName(text) {
            domains.append(domain)
            return true
        }
        // In an address alone nothing is percent-encoded.
        let destination = Mailbox(text).map(ReportDestination.mail) ?? (try? ReportDestination(text))
        guard let destination else { return false }
        destinations.insert(destination)
        return true
    }

    /// Whether a policy domain gets no report at all.
    package func covers(_ domain: DomainName) -> Bool { domains.contains { domain.isWithin($0) } }

    /// Whether a destination gets no report, whichever domain names it.
    package func covers(_ destination: ReportDestination) -> Bool {
        if destinations.contains(destination) { return true }
        return switch destination {
        case .mail(let mailbox): covers(mailbox.domain)
        case .https(_, let host): (try? DomainName(host)).map(covers) ?? false
        }
    }
}
