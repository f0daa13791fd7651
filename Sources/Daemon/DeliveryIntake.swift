// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Intake
import Logging
import MailLog
import Settings
import Status
import Store

/// Reads what the MTA says of its deliveries, and has it counted.
struct DeliveryIntake: Sendable {
    private let settings: IntakeSettings
    /// What the readers of logs are told of the MTA.
    private let reading: LogReaderSettings
    private let receiver: DatagramReceiver?
    private let accounting: SessionAccounting
    private let ledger: Ledger
    private let explanations: ExplanationKeeper
    private let logger: Logger
    private let postfixStatus = SourceStatus()
    private let sendmailStatus = SourceStatus()

    /// Binds the datagram socket, so that a daemon that cannot have it does not start; nothing is read before ``run()``.
    init(
        _ settings: IntakeSettings, reading: LogReaderSettings, accounting: SessionAccounting, ledger: Ledger,
        explanations: ExplanationKeeper, logger: Logger
    ) throws {
        self.settings = settings
        self.reading = reading
        self.accounting = accounting
        self.ledger = ledger
        self.explanations = explanations
        self.logger = logger
        receiver = try settings.datagramSocket.map { path in
            var socket = DatagramSettings(path: path)
            socket.mode = settings.datagramSocketMode
            socket.group = settings.datagramSocketGroup
            return try DatagramReceiver(socket, clock: SystemClock(), logger: logger)
        }
    }

    /// Reads until the task is cancelled; then what the datagram socket still holds is counted.
    func run() async {
        await withDiscardingTaskGroup { group in
            if let receiver { group.addTask { await take(from: receiver) } }
            if let log = settings.postfixLog {
                group.addTask { await follow(log, as: .postfixLog, PostfixLogReader.self, postfixStatus) }
            }
            if let log = settings.sendmailLog {
                group.addTask { await follow(log, as: .sendmailLog, SendmailLogReader.self, sendmailStatus) }
            }
        }
    }

    private func take(from receiver: DatagramReceiver) async {
        let waiting = WaitingDatagrams(accounting: accounting, ledger: ledger)
        await DatagramIntake(receiver).run(keepUp: ledger.keepUp) { datagram, day, times in
            waiting.count(datagram.sessionCounts(day: day), times: times)
        }
        await waiting.finish()
    }

    private func follow<Reader: LogReader>(
        _ log: IntakeSettings.Log, as kind: ObservedSession.Source, _: Reader.Type, _ status: SourceStatus
    ) async {
        let counter = ExplainedSessions(counter: accounting, keeper: explanations)
        let ports = IntakePorts(counter: counter, ledger: ledger, clock: SystemClock())
        switch log {
        case .file(let path):
            await LogFollower<Reader>(
                kind, path: path, reading: reading, ports: ports, status: status, logger: logger
            ).run()
        case .journal:
            await JournalFollower<Reader>(kind, reading: reading, ports: ports, status: status, logger: logger).run()
        }
    }

    /// Up to when all that the MTA said has been read, nil while that is not known; datagrams are read as they come.
    func readThrough(at now: UTCTime) -> UTCTime? {
        var through = now
        for (log, status) in [(settings.postfixLog, postfixStatus), (settings.sendmailLog, sendmailStatus)]
        where log != nil {
            guard let caughtUp = status.caughtUpAt else { return nil }
            through = min(through, caughtUp)
        }
        return through
    }

    /// What an administrator sees of it.
    func sources(at now: UTCTime) -> [IntakeSource] {
        var sources: [IntakeSource] = []
        if let receiver, let path = settings.datagramSocket {
            let counts = receiver.counts
            var source = IntakeSource(.datagrams, at: printable(path))
            (source.sessions, source.unreadable, source.lost) = (counts.received, counts.unreadable, counts.lost)
            source.lastHeard = receiver.lastAt.map { Stamp($0) }
            sources.append(source)
        }
        let logs: [(IntakeSource.Kind, IntakeSettings.Log?, SourceStatus)] = [
            (.postfixLog, settings.postfixLog, postfixStatus), (.sendmailLog, settings.sendmailLog, sendmailStatus),
        ]
        for (kind, log, status) in logs {
            guard let log else { continue }
            let place = if case .file(let path) = log { printable(path) } else { "the journal" }
            var source = IntakeSource(kind, at: place)
            (source.sessions, source.problem) = (status.sessions, status.text)
            (source.unreadable, source.sample) = (status.unread.count, status.unread.sample)
            source.linesRead = status.lines
            source.lastHeard = status.readAt.map { Stamp($0) }
            source.lagSeconds = status.caughtUpAt.map { max(0, (now - $0).components.seconds) }
            sources.append(source)
        }
        return sources
    }
}

extension UnreadLines {
    /// For an administrator.
    var text: String { "\(count) lines tell of sessions and cannot be read, the first: \(sample)" }
}
