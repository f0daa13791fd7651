// SPDX-License-Identifier: Apache-2.0
import Basics

/// What tlsproxy(8) found wrong: with `smtp_tls_connection_reuse = yes` it does the handshakes, and the smtp(8) process
/// logs the rest. Only the peer joins the two.
struct PostfixProxied: Sendable, Codable {
    /// Most findings that wait for a session.
    private static let maxCount = 64

    /// By log host and peer.
    private var table: [String: PostfixAttempt] = [:]

    init() {}

    mutating func note(_ line: PostfixLine, of host: SyslogOctets, _ time: UTCTime) {
        switch line {
        case .unverified(let peer, let text): note(peer, host, time) { $0.failure = PostfixFailure(verification: text) }
        case .report(let peer, let domain, let type?, let reason):
            note(peer, host, time) {
                $0.reportedFailure = PostfixFailure(words: type, reason: reason)
                $0.domain = domain.prefix(DomainName.maxOctets).text
            }
        case .established, .reused, .noHandshake, .report, .outsidePolicy, .refusedByMap, .left, .delivery, .unreadable:
            break
        }
    }

    private mutating func note(
        _ peer: SyslogOctets, _ host: SyslogOctets, _ time: UTCTime, _ change: (inout PostfixAttempt) -> Void
    ) {
        let peer = PostfixPeer(peer)
        var attempt = find(peer, of: host, time.secondsSinceEpoch) ?? PostfixAttempt(peer: peer)
        attempt.time = time.secondsSinceEpoch
        change(&attempt)
        if table.count >= Self.maxCount { table = table.newerHalf(\.time) }
        table[Self.key(host, peer)] = attempt
    }

    /// What was found wrong with the peer, for a session that failed.
    ///
    /// A report of Postfix's own is given once: it is about one session, and the next session with the same host may be
    /// about another domain.
    mutating func take(_ peer: PostfixPeer, of host: SyslogOctets, _ time: Int64) -> PostfixAttempt? {
        guard let attempt = find(peer, of: host, time) else { return nil }
        if attempt.reportedFailure != nil {
            let key = Self.key(host, peer)
            table[key]?.reportedFailure = nil
            table[key]?.domain = nil
        }
        return attempt
    }

    private func find(_ peer: PostfixPeer, of host: SyslogOctets, _ time: Int64) -> PostfixAttempt? {
        guard !table.isEmpty, let attempt = table[Self.key(host, peer)],
            abs(attempt.time - time) <= PostfixProcesses.maxSilence
        else { return nil }
        return attempt
    }

    private static func key(_ host: SyslogOctets, _ peer: PostfixPeer) -> String {
        "\(host.prefix(DomainName.maxOctets).text) \(peer.host) \(peer.address)"
    }
}
