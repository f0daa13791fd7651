// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Intake
import Logging
import MailLog
import Settings
import Store

/// Reads what the MTA says of its deliveries, and has it counted.
struct DeliveryIntake: Sendable {
    private let settings: IntakeSettings
    /// What the readers of logs are told of the MTA.
    private let reading: LogReaderSettings
    private let receiver: DatagramReceiver?
    private let accounting: SessionAccounting
    private let ledger: Ledger
    private let logger: Logger
    private let postfixStatus = SourceStatus()
    private let sendmailStatus = SourceStatus()

    /// Binds the datagram socket, so that a daemon that cannot have it does not start; nothing is read before ``run()``.
    init(
        _ settings: IntakeSettings, reading: LogReaderSettings, accounting: SessionAccounting, ledger: Ledger,
        logger: Logger
    ) throws {
        self.settings = settings
        self.reading = reading
        self.accounting = accounting
        self.ledger = ledger
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
        let ports = IntakePorts(counter: accounting, ledger: ledger, clock: SystemClock())
        switch log {
        case .file(let path):
            await LogFollower<Reader>(
                kind, path: path, reading: reading, ports: ports, status: status, logger: logger
            ).run()
        case .journal:
            await JournalFollower<Reader>(kind, reading: reading, ports: ports, status: status, logger: logger).run()
        }
    }

    /// What an administrator sees of it: one line per source.
    var status: [String] {
        var lines: [String] = []
        if let receiver, let path = settings.datagramSocket {
            let counts = receiver.counts
            lines.append(
                "tlsrpt datagrams at \(path): \(counts.received) received, \(counts.unreadable) unreadable, \(counts.lost) lost"
            )
        }
        let logs = [
            ("postfix", settings.postfixLog, postfixStatus), ("sendmail", settings.sendmailLog, sendmailStatus),
        ]
        for (name, log, status) in logs {
            guard let log else { continue }
            let place = if case .file(let path) = log { path } else { "the journal" }
            lines.append("\(name) log: \(place), \(status.sessions) sessions\(status.text.map { "; \($0)" } ?? "")")
            let unread = status.unread
            if unread.count > 0 { lines.append("\(name) log: \(unread.text)") }
        }
        return lines.isEmpty ? ["no intake: reports count the milter's verdicts, not the MTA's deliveries"] : lines
    }
}

extension UnreadLines {
    /// For an administrator.
    var text: String { "\(count) lines tell of sessions and cannot be read, the first: \(sample)" }
}
