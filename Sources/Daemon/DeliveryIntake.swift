// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Intake
import Logging
import MailLog
import Settings
import Store

/// Hears from the MTA how its deliveries went, and has them counted.
struct DeliveryIntake: Sendable {
    private let settings: IntakeSettings
    private let receiver: DatagramReceiver?
    private let reckoner: SessionAccounting
    private let ledger: Ledger
    private let ownReports: OwnReports
    private let logger: Logger
    private let postfixTrouble = SourceStatus()
    private let sendmailTrouble = SourceStatus()

    /// Binds the datagram socket, so that a daemon that cannot have it does not start; nothing is read before ``run()``.
    init(
        _ settings: IntakeSettings, reckoner: SessionAccounting, ledger: Ledger, ownReports: OwnReports, logger: Logger
    ) throws {
        self.settings = settings
        self.reckoner = reckoner
        self.ledger = ledger
        self.ownReports = ownReports
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
            if let receiver {
                group.addTask {
                    await DatagramIntake(receiver).run { datagram, day, times in
                        let sessions = datagram.sessionCounts(day: day)
                        ledger.record(reckoner.counts(reported: sessions, times: times), times: times)
                    }
                }
            }
            if let log = settings.postfixLog {
                group.addTask { await follow(log, as: .postfixLog, PostfixLogReader.self, postfixTrouble) }
            }
            if let log = settings.sendmailLog {
                group.addTask { await follow(log, as: .sendmailLog, SendmailLogReader.self, sendmailTrouble) }
            }
        }
    }

    private func follow<Reader: LogReader>(
        _ log: IntakeSettings.Log, as kind: ObservedSession.Source, _: Reader.Type, _ trouble: SourceStatus
    ) async {
        let port = IntakePort(ledger: ledger, clock: SystemClock(), logger: logger, trouble: trouble) { sessions in
            await reckoner.counts(of: ownReports.left(out: sessions))
        }
        switch log {
        case .file(let path): await LogFollower<Reader>(kind, path: path, port: port).run()
        case .journal: await JournalFollower<Reader>(kind, port: port).run()
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
            ("postfix", settings.postfixLog, postfixTrouble), ("sendmail", settings.sendmailLog, sendmailTrouble),
        ]
        for (name, log, trouble) in logs {
            let troubled = trouble.text.map { "; \($0)" } ?? ""
            switch log {
            case .file(let path): lines.append("\(name) log: \(path)\(troubled)")
            case .journal: lines.append("\(name) log: the journal\(troubled)")
            case nil: continue
            }
        }
        return lines.isEmpty ? ["no intake: reports count the milter's verdicts, not the MTA's deliveries"] : lines
    }
}
