// SPDX-License-Identifier: Apache-2.0
import Basics
import DNS
import HTTP
import Mail
import Reporting
import SMTP
import TLS
import TLSRPT

/// Carries reports to https endpoints, and by way of the MTA to mail addresses. Remembers nothing.
package struct Courier: ReportCarrier {
    /// What the administrator should know about the settings.
    package let warnings: [String]
    private let web: HTTPSCarrier
    private let mail: MailCarrier

    /// Reads the DKIM keys: a change of the files needs a new courier.
    /// - Parameters:
    ///   - tls: for SMTP to the MTA; whom it trusts does not matter.
    ///   - http: never shut down here.
    package init(
        _ settings: CourierSettings, resolver: DNSResolver, connector: Connector, tls: TLSContext, http: HTTPClient,
        now: @escaping @Sendable () -> UTCTime
    ) throws(DKIMSetupError) {
        var signers: [DKIMSigner] = []
        for key in settings.dkim { signers.append(try DKIMSigner(key)) }
        warnings = signers.compactMap(\.key.warning)
        let dialable = DialableAddresses(resolver: resolver, allowsPrivate: settings.allowPrivateAddresses)
        web = HTTPSCarrier(http: http, settings: settings, dialable: dialable, now: now)
        mail = MailCarrier(
            settings: settings, signers: signers, resolver: resolver, connector: connector, tls: tls, now: now)
    }

    package func prepare(_ report: CompressedReport, for destination: ReportDestination) async -> ReportPreparation {
        switch destination {
        case .https(let url, let host):
            guard let endpoint = ReportEndpoint(url: url, host: host) else {
                return .ended(.refused("\(printable(url)) cannot be posted to"))
            }
            return await web.prepare(report, for: endpoint)
        case .mail(let recipient): return await mail.prepare(report, for: recipient)
        }
    }
}
