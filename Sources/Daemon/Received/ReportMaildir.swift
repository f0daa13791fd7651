// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import ReportView
import Store
import Synchronization
import TLSRPT

/// Takes the TLS reports that others mail to a Maildir of the operator's: `report.maildir`.
///
/// A mail is stored before it is moved. If a stop comes in between it is read again, and its report is known.
final class ReportMaildir: Sendable {
    /// Between two looks.
    private static let interval = Duration.seconds(60)
    /// Mails of one look and their octets: the rest has its turn in the next look. And reports of one mail.
    private static let maxMails = 100
    private static let maxOctets = 64 << 20
    private static let maxReports = 100
    /// Mails of one look that the log names.
    private static let maxNamed = 10
    /// Mails that could not be moved, and are not read again before a restart.
    private static let maxStuck = 10_000
    /// Trouble that stays is said again after this time.
    private static let saidFor = Duration.seconds(3600)

    /// What came of one look.
    struct Look: Sendable, Equatable {
        var mails = 0
        var stored = 0
        var known = 0
        /// Mails of which something was not stored.
        var refused = 0
        /// Whether more mails wait, and the next look gets on with them: where nothing could be moved it would find the same.
        var isCut = false
    }

    private let settings: SettingsInForce
    private let store: Store
    private let clock: any WallClock
    private let logger: Logger
    private let isStopping = Atomic(false)
    private let stuck = Locked<Set<Maildir.Name>>([])
    private let said = Locked<(trouble: String, at: UTCTime)?>(nil)

    init(settings: SettingsInForce, store: Store, clock: any WallClock, logger: Logger) {
        self.settings = settings
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Looks until the task is cancelled; a mail that is being read is finished.
    func run() async {
        while !Task.isCancelled {
            await withTaskCancellationHandler {
                var isCut = true
                while isCut, !Task.isCancelled { isCut = await look()?.isCut ?? false }
                try? await Task.sleep(for: Self.interval)
            } onCancel: {
                isStopping.store(true, ordering: .relaxed)
            }
        }
    }

    /// Takes what is new.
    /// - Returns: nil where no Maildir is named, or it cannot be used.
    @discardableResult
    func look() async -> Look? {
        let settings = settings.value.reports
        guard let path = settings.maildir else { return nil }
        let oldest = settings.oldestDay(at: clock.now)
        // Reading blocks, and a hostile mail keeps a thread busy for seconds.
        let result = await onBlockingThread {
            Result { () throws(Maildir.Failure) in try self.look(at: path, since: oldest) }
        }
        switch result {
        case .success(let look):
            if look.mails > 0 {
                logger.info(
                    "mails with TLS reports read",
                    metadata: [
                        "mails": "\(look.mails)", "stored": "\(look.stored)", "known": "\(look.known)",
                        "refused": "\(look.refused)",
                    ])
            }
            return look
        case .failure(let failure):
            say(failure.description)
            return nil
        }
    }

    private func look(at path: String, since oldest: UTCDay) throws(Maildir.Failure) -> Look {
        let maildir = try Maildir(path)
        let names = try maildir.newMails(atMost: Self.maxMails, except: stuck.withLock { $0 })
        var look = Look()
        var (octets, moved, isMore) = (0, 0, names.count == Self.maxMails)
        for name in names {
            guard octets < Self.maxOctets, !isStopping.load(ordering: .relaxed) else {
                isMore = true
                break
            }
            let problem: String?
            let content: Maildir.Content
            do throws(Maildir.Failure) {
                content = try maildir.read(name, limit: ReportReader.maxContentBytes)
            } catch {
                leave(name, error)
                continue
            }
            switch content {
            case .gone: continue
            case .noFile: problem = "no file"
            case .tooLarge: problem = "larger than \(ReportReader.maxContentBytes >> 20) MiB"
            case .mail(let content):
                octets += content.count
                // While the store cannot be written the mail stays where it is, for the next look.
                do throws(StoreError) { problem = try take(content, since: oldest, &look) } catch {
                    say("\(error)")
                    return look
                }
            }
            look.mails += 1
            if let problem {
                look.refused += 1
                if look.refused <= Self.maxNamed {
                    logger.warning(
                        "a mail of report.maildir holds something else than reports, or one that is not stored",
                        metadata: ["file": "\(name.description)", "cause": "\(problem)"])
                }
            }
            do throws(Maildir.Failure) {
                try maildir.markSeen(name)
                moved += 1
            } catch { leave(name, error) }
        }
        look.isCut = isMore && moved > 0
        return look
    }

    /// Has a mail that cannot be read or moved not looked at again.
    private func leave(_ name: Maildir.Name, _ failure: Maildir.Failure) {
        _ = stuck.withLock { stuck in stuck.count < Self.maxStuck && stuck.insert(name).inserted }
        say(failure.description)
    }

    /// Stores the reports of a mail, one after the other: only one is in memory.
    /// - Returns: what was not stored, and why; nil if all was.
    private func take(_ mail: [UInt8], since oldest: UTCDay, _ look: inout Look) throws(StoreError) -> String? {
        var (problem, failure, count): (String?, StoreError?, Int) = (nil, nil, 0)
        var seen = look
        defer { look = seen }
        let notes = ReportReader.read(mail) { [clock, store] report in
            count += 1
            guard failure == nil, count <= Self.maxReports else { return }
            do throws(StoreError) {
                let now = clock.now
                let reception = try runAndWait { [store] () async throws(StoreError) in
                    try await store.receive(report, at: now, since: oldest)
                }
                switch reception {
                case .stored: seen.stored += 1
                case .storedInPart:
                    seen.stored += 1
                    problem = problem ?? reception.inWords
                case .known: seen.known += 1
                case .untimely, .full, .empty: problem = problem ?? reception.inWords
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        if count > Self.maxReports {
            problem = problem ?? "more than \(Self.maxReports) reports, the others are not stored"
        }
        return problem ?? notes.problems.first.map { printable($0, limit: 200) }
    }

    /// Says trouble once, and again after a while.
    private func say(_ trouble: String) {
        let now = clock.now
        let isNews = said.withLock { said in
            if let last = said, last.trouble == trouble, now < last.at + Self.saidFor { return false }
            said = (trouble, now)
            return true
        }
        if isNews {
            logger.warning("TLS reports cannot be taken from report.maildir", metadata: ["cause": "\(trouble)"])
        }
    }
}
