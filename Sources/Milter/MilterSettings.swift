// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Sockets

/// What is done about a recipient whose route breaks an enforce policy.
package enum ViolationAction: String, Sendable, Hashable, CaseIterable {
    case `defer`, quarantine, log
}

/// What is done about a recipient of whose policy, or of whose route, nothing is known in time.
package enum UnknownAction: String, Sendable, Hashable, CaseIterable {
    case accept, `defer`

    /// What is done about an unproven route unless the operator says otherwise: where a policy map guards the delivery,
    /// the MTA itself holds what does not conform.
    package static func whereUnproven(under enforcement: Enforcement) -> UnknownAction {
        switch enforcement {
        case .milter: .defer
        case .milterAndPolicyMap: .accept
        }
    }
}

/// What is done about mail of sendmail(1) and cron that would be deferred: Postfix leaves it in maildrop and tries the
/// whole message again, under a new queue id, at each scan.
package enum LocalSubmissionAction: String, Sendable, Hashable, CaseIterable {
    case log, `defer`
}

/// How the milter listens, waits and acts.
package struct MilterSettings: Sendable, Hashable {
    /// The mail program of Postfix, Sendmail, or a transport of one's own, that delivers by SMTP.
    package static let defaultTransports = ["smtp", "relay", "esmtp", "dsmtp", "smtp8"]

    package var socket = ListenAddress.inet(host: "127.0.0.1", port: 8890)
    /// Permissions of a Unix socket.
    package var socketMode = UnixSocket.defaultMode
    /// Group of a Unix socket, by name; nil leaves the process's own.
    package var socketGroup: String?
    /// Longest wait for one recipient's verdict, so that one reply stays well below Sendmail's 10 s and Postfix's 30 s.
    package var lookupWait: Duration = .seconds(3)
    /// Longest wait for all recipients of one message together, so that a message to many slow domains costs its
    /// client no more than one slow reply would: the MTAs' own limits are per reply and set no such bound.
    package var messageBudget: Duration = .seconds(8)
    /// Longest time from the first octet of a packet to its last, for the life of the process.
    package var packetTimeout: Duration = .seconds(30)
    /// Callbacks that may wait at one time; past that a verdict that memory lacks is unknown at once. Each has a thread of
    /// libmilter's, which costs little.
    package var maxWaiting = 256
    /// Values of `{rcpt_mailer}` that deliver by SMTP.
    package var transports = Set(defaultTransports)
    /// What the name of a port in `{rcpt_host}` stands for.
    package var services = ServicePorts()
    package var localSubmission = LocalSubmissionAction.log
    /// Whether `TLS-Required: No` lets a message through.
    /// - Deviation: TLS-Required: No is honoured on request only.
    /// - RFC 8689 §3: The TLS-Required Header Field.
    package var tlsRequiredNo = false
    /// Whether a policy map keeps the MTA from bad hosts, where a verdict rests on one. Then nobody waits for a header: see
    /// ``tlsRequiredNo``.
    package var isGuardedByMap = false
    package var onViolation = ViolationAction.defer
    /// It is not known whether there is a policy.
    package var onUnknown = UnknownAction.accept
    /// An enforce policy applies and its hosts have not been seen to conform.
    /// Nil for what suits who enforces at delivery: ``UnknownAction/whereUnproven(under:)``.
    package var onUnproven: UnknownAction?
    /// The same where TLSA records are to be kept and no policy is.
    package var onUnprovenDANE = UnknownAction.defer
    /// The first that matches a recipient decides.
    package var rules: [Rule] = []
    /// The sender of our own reports, which are never deferred; believed only from this host.
    package var reportSender: EnvelopeAddress?
    /// What a reply tells people to look at; `{domain}` becomes the policy domain.
    package var helpHint = "sts-milter check {domain}"

    /// Whether what was decided about a message is kept until somebody takes it: ``MilterServer/takeDecided()``.
    package var keepsDecisions = false

    package init() {}

    /// Whether client and login of a message matter, which costs macros.
    var looksAtClient: Bool { !rules.isEmpty || reportSender != nil }
}
