// SPDX-License-Identifier: Apache-2.0
import Mail

/// How reports are carried away.
package struct CourierSettings: Sendable, Hashable {
    package enum EnvelopeSender: Sendable, Hashable {
        /// The report's contact, who then gets the bounces.
        case contact
        /// `<>`: bounces go nowhere.
        case null
    }

    package var submission = Submission.sendmail(path: Submission.usualSendmailPath)
    package var envelopeSender = EnvelopeSender.contact
    /// One signature each; none leaves signing to the MTA.
    /// - Deviation: report mail can leave us unsigned.
    /// - RFC 8460 §3: reports by SMTP MUST be signed by DKIM, with no `l=`.
    package var dkim: [DKIMSettings] = []
    /// Our name in EHLO.
    package var heloName: String
    /// Whether an https endpoint may have an address of a private or otherwise reserved network.
    package var allowPrivateAddresses = false
    /// Time for one https upload from DNS to the answer.
    package var httpsTimeout: Duration = .seconds(20)
    /// Time for one address to accept a connection, TLS included.
    package var connectTimeout: Duration = .seconds(10)
    /// Time to hand one mail to the MTA. - RFC 5321 §4.5.3.2: Timeouts. Ours is on the same host or nearby.
    package var mailTimeout: Duration = .seconds(120)
    /// The User-Agent sent, product and version such as `sts-milter/1.0.0`.
    package var userAgent = "sts-milter"

    package init(heloName: String) { self.heloName = heloName }
}
