// SPDX-License-Identifier: Apache-2.0
import Basics
import Metrics
import Status

/// What the pages show.
package protocol StatusSource: Sendable {
    func report() async -> StatusReport
    func metrics() async -> [MetricFamily]
    /// Why mail cannot be judged now; nil if it can.
    func obstacle() async -> String?
    /// Stored policies in the order of their domains.
    /// - Parameters:
    ///   - text: what their names hold, in lower case; the empty text is in all.
    ///   - after: the last domain of the piece before.
    func domains(holding text: String, after: String) async -> DomainList
    /// What memory and store know of a domain; nobody is asked, and the look is no use of its policy.
    func domain(_ domain: DomainName) async -> DomainReport
    /// What became of the reports of the last days, failures first.
    func reportList() async -> ReportList
    /// What was seen of the operator's own domains, and what others reported of them.
    func ownDomains() async -> OwnDomainsReport
}
