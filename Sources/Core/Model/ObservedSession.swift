// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// One SMTP session with an MX host as the MTA's own words tell it, before a policy is held against it.
///
/// A session counts once, however many recipients or messages it carried. - RFC 8460 §4.2: Delivery Summary.
package struct ObservedSession: Sendable, Hashable {
    /// Who told of it.
    package enum Source: String, Sendable, Hashable, Codable {
        case datagram = "tlsrpt"
        case postfixLog = "postfix-log"
        case sendmailLog = "sendmail-log"
    }

    /// How far the session got with TLS.
    package enum Result: Sendable, Hashable {
        /// TLS, and the MTA found the host's certificate to be what its own policy asked for.
        case verified
        /// TLS with a certificate of a trusted authority, whose names nobody compared; or TLS of whose certificate the MTA
        /// says nothing.
        case trusted
        /// TLS with a certificate that nobody vouches for; the MTA asked for no more.
        case untrusted
        /// Mail went, and TLS is not mentioned.
        case plaintext
        /// Mail went without TLS because the MTA is set to use none with the host: no word on what the host can do.
        case notWanted
        /// The session failed for want of TLS that would do.
        /// - Parameter reason: the `failure-reason-code`; nil when the type says all.
        case failed(ResultType, reason: String?)
        /// No host was dialled: the MTA's table of TLS policies did not let the mail go. It does not say why.
        case refusedByMap
    }

    package let source: Source
    package let time: UTCTime
    /// The domain whose report the session belongs to: the recipients', as far as a log tells.
    package let domain: DomainName?
    /// The MX host as the MTA names it.
    package var host: DomainName?
    /// What the log has of a name that it cut; then there is no host, unless another line names it.
    package var cutHost: CutHostName?
    package let address: IPAddress?
    package let result: Result
    package let queueID: String?
    /// The server's port; nil where a log does not tell it.
    package var port: UInt16?
    /// Whether the MTA's log says that it has told a TLSRPT socket of the session as well.
    package var hasDatagram: Bool
    /// False if the MTA was never heard to log TLS, so that what looks like plain text may be none.
    package var isTLSLogged: Bool
    /// Why plain text followed, in the same delivery, on TLS that had been begun with the host, as a `failure-reason-code`.
    /// nil for any other session.
    package var fallbackReason: String?
    /// Whether the MTA says anything of the host's certificate.
    package let isCertificateJudged: Bool
    /// The address of its first recipient, where a log tells it: hostile text, never shown.
    package var recipient: String?

    /// How old a session may be that still says something of its host and of the policy.
    private static let freshFor = Duration.seconds(300)

    /// Whether it tells how things are now: a log that is read from its start does not.
    func isFresh(at now: UTCTime) -> Bool { now - time < Self.freshFor && time <= now + Self.freshFor }

    package init(
        source: Source, time: UTCTime, domain: DomainName?, host: DomainName?, address: IPAddress?, result: Result,
        queueID: String?, port: UInt16? = nil, hasDatagram: Bool = false, isTLSLogged: Bool = true,
        fallbackReason: String? = nil, isCertificateJudged: Bool = true, recipient: String? = nil
    ) {
        self.source = source
        self.time = time
        self.domain = domain
        self.host = host
        self.address = address
        self.result = result
        self.queueID = queueID
        self.port = port
        self.hasDatagram = hasDatagram
        self.isTLSLogged = isTLSLogged
        self.fallbackReason = fallbackReason
        self.isCertificateJudged = isCertificateJudged
        self.recipient = recipient
    }
}
