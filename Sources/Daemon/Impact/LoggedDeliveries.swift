// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Intake
import MailLog

/// The sessions of mail logs, summed by the recipients' domains. Bounded, whatever the logs say.
package struct LoggedDeliveries: Sendable {
    /// Domains that are told apart: some 50 MB, and ten times what a large site sends to in a month.
    static let maxDomains = 200_000
    /// Hosts of one domain that are told apart, the first ones.
    static let maxHosts = 16

    /// What went to one domain.
    struct Domain: Sendable, Hashable {
        var deliveries = 0
        var hosts: [DomainName: Int] = [:]
    }

    private(set) var domains: [DomainName: Domain] = [:]
    /// All sessions, also those that are left out.
    package private(set) var sessions = 0
    /// To a server that is known by its address alone, or on a port of its own: a relay or content filter of the site's.
    private(set) var ownServers = 0
    private(set) var withoutDomain = 0
    /// Of domains past ``maxDomains``.
    private(set) var pastBound = 0
    private(set) var days: ClosedRange<UTCDay>?
    /// What the operator should know of the logs.
    private(set) var remarks: [String] = []

    package init() {}

    /// Reads a log to its end.
    /// - Parameters:
    ///   - path: `-` is standard input.
    ///   - tell: called now and then, with how many sessions were read so far.
    package mutating func read(
        _ path: String, as source: ObservedSession.Source, reading: LogReaderSettings, tell: (Int) -> Void
    ) throws(IntakeReadingError) {
        switch source {
        case .postfixLog: try read(PostfixLogReader.self, path, reading, tell)
        case .sendmailLog: try read(SendmailLogReader.self, path, reading, tell)
        case .datagram: throw .unreadable(path, cause: "datagrams are no mail log")
        }
    }

    private mutating func read<Reader: LogReader>(
        _: Reader.Type, _ path: String, _ reading: LogReaderSettings, _ tell: (Int) -> Void
    ) throws(IntakeReadingError) {
        let before = sessions
        do throws(LogFileError) {
            var stream = try LogStream<Reader>(path: path, reading: reading)
            let now = SystemClock().now
            while let found = try stream.next(now: now) {
                for session in found { add(session) }
                tell(sessions)
            }
            if let unread = stream.takeUnread() { remarks.append("\(printable(path)): \(unread.text)") }
            if stream.hasPassedOver {
                remarks.append("\(printable(path)): lines over \(LineStream.maxLineOctets) octets were passed over")
            }
        } catch { throw .unreadable(path, cause: "\(error)") }
        guard sessions == before else { return }
        remarks.append(
            "\(printable(path)): no session with a mail server found: is it the log that --from says, and not compressed by anything but gzip?"
        )
    }

    mutating func add(_ session: ObservedSession) {
        sessions += 1
        let day = session.time.day
        days = days.map { min($0.lowerBound, day)...max($0.upperBound, day) } ?? day...day
        guard !session.isDialledByAddress, session.port ?? NextHop.smtpPort == NextHop.smtpPort else {
            ownServers += 1
            return
        }
        guard let domain = session.domain else {
            withoutDomain += 1
            return
        }
        guard domains[domain] != nil || domains.count < Self.maxDomains else {
            pastBound += 1
            return
        }
        domains[domain, default: Domain()].add(session.host)
    }
}

extension LoggedDeliveries.Domain {
    fileprivate mutating func add(_ host: DomainName?) {
        deliveries += 1
        guard let host, hosts[host] != nil || hosts.count < LoggedDeliveries.maxHosts else { return }
        hosts[host, default: 0] += 1
    }
}
