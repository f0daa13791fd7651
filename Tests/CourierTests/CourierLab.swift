// SPDX-License-Identifier: Apache-2.0
import Basics
import Courier
import DNS
import Gzip
import HTTP
import LabKit
import Reporting
import SMTP
import Synchronization
import TLS
import TLSRPT

/// A test's own part of the network, below 127.6: a name server, and couriers that ask it.
struct CourierLab: Sendable {
    private static let used = Atomic(0)
    /// Files only, which tests add to but never change.
    private static let sharedAuthority = Result { try CertificateAuthority() }

    let authority: CertificateAuthority
    let names: NameServer
    private let network: Int
    private let resolver: DNSResolver

    init() throws {
        network = Self.used.add(1, ordering: .relaxed).newValue
        authority = try Self.sharedAuthority.get()
        names = try NameServer(address: "127.6.\(network).53")
        var dns = DNSSettings(forwarder: "\(names.address)@53")
        dns.trustAnchor = .none
        resolver = try DNSResolver(dns)
    }

    func address(_ last: Int) -> String { "127.6.\(network).\(last)" }

    func courier(_ change: (inout CourierSettings) -> Void = { _ in }) throws -> Courier {
        var settings = CourierSettings(heloName: "reporter.lab")
        settings.allowPrivateAddresses = true
        settings.userAgent = "sts-milter/0.test"
        change(&settings)
        return try Courier(
            settings, resolver: resolver, connector: Connector(), tls: TLSContext(caFile: authority.caFile),
            http: HTTPClient(),
            now: { UTCTime(secondsSinceEpoch: 1_795_305_600) })
    }
}

extension ReportCarrier {
    /// Both steps; the second if `consent` agrees.
    func carry(
        _ report: CompressedReport, to destination: ReportDestination, commit consent: () async -> Bool
    ) async -> SendResult {
        await prepare(report, for: destination).result(consent)
    }
}

extension ReportPreparation {
    func result(_ consent: () async -> Bool) async -> SendResult {
        switch self {
        case .ended(let result): return result
        case .held(let held):
            if await consent() { return await held.finish() }
            await held.withdraw()
            return .withdrawn
        }
    }
}

/// Counts how often a courier asks, and answers always the same.
final class Consent: Sendable {
    private let isGiven: Bool
    private let asked = Atomic(0)

    init(_ isGiven: Bool = true) { self.isGiven = isGiven }

    var count: Int { asked.load(ordering: .relaxed) }

    @Sendable func ask() async -> Bool {
        asked.add(1, ordering: .relaxed)
        return isGiven
    }
}

extension CompressedReport {
    /// A report with 12 sessions that went well and 3 that failed.
    static func sample(
        for domain: String = "two.lab", organization: String = "Example \"Org\"", contact: String = "tlsrpt@sender.lab",
        reportID: String = "2026-11-22.two.lab@sender.lab", padding: Int = 0
    ) throws -> CompressedReport {
        let policyDomain = try DomainName(domain)
        let submitter = try DomainName("sender.lab")
        let day = UTCDay(daysSinceEpoch: 20_779)
        let report = Report(
            organizationName: organization + String(repeating: "x", count: padding), dateRange: .init(day),
            contactInfo: contact, reportID: reportID,
            policies: [
                PolicyResult(ReportedPolicy(.sts, domain: domain), Tally(successes: 12, failures: 2)),
                PolicyResult(ReportedPolicy(.tlsa, domain: "mx.\(domain)"), Tally(failures: 1)),
            ])
        guard
            let fileName = ReportFileName(
                sender: submitter, policyDomain: policyDomain, range: .init(day), uniqueID: "1", isCompressed: true)
        else { throw LabError("file name") }
        return CompressedReport(
            policyDomain: policyDomain, submitter: submitter, organizationName: organization, contactInfo: contact,
            reportID: reportID, day: day, fileName: fileName, body: try compress(try report.json()),
            totals: report.totals)
    }
}

extension ReportDestination {
    static func sample(_ uri: String) throws -> ReportDestination {
        try ReportDestination(uri)
    }
}
