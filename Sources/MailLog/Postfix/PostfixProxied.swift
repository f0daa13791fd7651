// SPDX-License-Identifier: Apache-2.0
import Basics

/// What tlsproxy(8) found wrong: with `smtp_tls_connection_reuse = yes` it does the handshakes, and the smtp(8) process
/// logs the rest.
///
/// The peer joins the two. Where smtp(8) leaves a server without its name, the time and the domain do.
struct PostfixProxied: Sendable, Codable {
    /// Most findings that wait for a session.
    private static let maxCount = 64
    /// How long after tlsproxy's report smtp(8) leaves the server, in seconds: one tells the other, and the log is whole
    /// seconds of two processes.
    private static let maxReportAge: Int64 = 60
    /// By how much their times may differ the other way round.
    private static let slack: Int64 = 1

    private struct Finding: Sendable, Codable {
        /// The machine that logged it.
        let host: String
        let peer: PostfixPeer
        var time: Int64
        /// Grows with each line, since many have one time.
        var order = 0
        /// What was found wrong with the certificate.
        var failure: PostfixFailure?
        /// What Postfix itself reports, until a session has it.
        var report: PostfixFailure?
        /// The domain that the report is about, as it is compared.
        var domain: String?

        private enum CodingKeys: String, CodingKey {
            case host = "m"
            case peer = "p"
            case time = "t"
            case order = "o"
            case failure = "f"
            case report = "r"
            case domain = "d"
        }
    }

    /// By log host and peer.
    private var table: [String: Finding] = [:]

    private enum CodingKeys: String, CodingKey { case table = "t" }

    init() {}

    mutating func note(_ line: PostfixLine, of host: SyslogOctets, _ time: UTCTime) {
        switch line {
        case .unverified(let peer, let text): note(peer, host, time) { $0.failure = PostfixFailure(verification: text) }
        case .report(let peer, let domain, let type?, let reason):
            note(peer, host, time) {
                $0.report = PostfixFailure(words: type, reason: reason)
                $0.domain = domain.prefix(DomainName.maxOctets).hostName
            }
        case .established, .reused, .noHandshake, .offered, .report, .outsidePolicy, .refusedByMap, .left, .delivery,
            .unreadable:
            break
        }
    }

    private mutating func note(
        _ peer: SyslogOctets, _ host: SyslogOctets, _ time: UTCTime, _ change: (inout Finding) -> Void
    ) {
        let (peer, host) = (PostfixPeer(peer), Self.name(host))
        let key = Self.key(host, peer)
        var finding = Finding(host: host, peer: peer, time: 0)
        if let known = table[key], abs(known.time - time.secondsSinceEpoch) <= PostfixProcesses.maxSilence {
            finding = known
        }
        finding.time = time.secondsSinceEpoch
        finding.order = (table.values.map(\.order).max() ?? 0) + 1
        change(&finding)
        if table.count >= Self.maxCount { table = table.newerHalf(\.time) }
        table[key] = finding
    }

    /// Adds what tlsproxy found to a session whose own lines say that it failed in TLS, and not why.
    ///
    /// A report of Postfix's own is about one session, of one domain: it is given once, and only to a session of that domain
    /// that has just failed in such a way.
    /// - Parameter domain: the recipient's.
    mutating func complete(_ attempt: inout PostfixAttempt, of host: SyslogOctets, for domain: SyslogOctets) {
        guard !table.isEmpty, attempt.failure == nil, attempt.reportedFailure == nil, let end = attempt.end else {
            return
        }
        let host = Self.name(host)
        guard attempt.peer != PostfixPeer() else { return name(&attempt, end, host, domain.hostName) }
        let key = Self.key(host, attempt.peer)
        guard let finding = table[key], abs(finding.time - attempt.time) <= PostfixProcesses.maxSilence else { return }
        if end.isOfCertificate { attempt.failure = finding.failure }
        guard let report = finding.report, Self.joins(finding, attempt, end),
            // Where a relay is named by its host, Postfix reports for the host, and not for the recipient's domain.
            finding.domain == domain.hostName || finding.domain == finding.peer.host
        else { return }
        attempt.reportedFailure = report
        attempt.domain = finding.domain
        claim(key)
    }

    /// Finds out which server was left by a session that does not name it: the one of the newest report.
    private mutating func name(
        _ attempt: inout PostfixAttempt, _ end: PostfixAttempt.End, _ host: String, _ domain: String
    ) {
        let fitting = table.filter { _, finding in
            finding.host == host && finding.domain == domain && Self.joins(finding, attempt, end)
        }
        guard let (key, finding) = fitting.max(by: { $0.value.order < $1.value.order }) else { return }
        attempt.peer = finding.peer
        attempt.reportedFailure = finding.report
        claim(key)
    }

    /// Whether a report may be about a session that ended so.
    private static func joins(_ finding: Finding, _ attempt: PostfixAttempt, _ end: PostfixAttempt.End) -> Bool {
        guard let report = finding.report, (-slack...maxReportAge).contains(attempt.time - finding.time) else {
            return false
        }
        switch end {
        case .certificateRefused, .issuerRefused: return report != .handshake
        case .noHandshake: return report == .handshake || report.isOfSettings
        // These lines say it all.
        case .noSTARTTLS, .refusedByMap: return false
        }
    }

    private mutating func claim(_ key: String) {
        table[key]?.report = nil
        table[key]?.domain = nil
    }

    private static func name(_ host: SyslogOctets) -> String { host.prefix(DomainName.maxOctets).text }

    private static func key(_ host: String, _ peer: PostfixPeer) -> String { "\(host) \(peer.host) \(peer.address)" }
}

extension PostfixAttempt.End {
    fileprivate var isOfCertificate: Bool {
        switch self {
        case .certificateRefused, .issuerRefused: true
        case .noSTARTTLS, .noHandshake, .refusedByMap: false
        }
    }
}

extension PostfixFailure {
    /// Whether no handshake was begun, since what the host is to be held to cannot be used.
    fileprivate var isOfSettings: Bool {
        reason.map { $0.hasPrefix("all-") && $0.hasSuffix("-unusable") } ?? false
    }
}
