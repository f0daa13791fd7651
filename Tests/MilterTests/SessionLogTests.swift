// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import Testing
@testable import Milter

@Suite("A session has one line for each verdict")
struct SessionLogTests {
    private static let id = "4B1\u{1B}[31m"
    private static let written = "queue_id=4B1\\x1B[31m"
    private static let unnamed = "queue_id=NOQUEUE"
    private static let good =
        " recipient_domain=good.lab policy_domain=good.lab verdict=conforming action=deliver mode=enforce"
    private static let bad =
        " recipient_domain=bad.lab policy_domain=bad.lab verdict=violating action=defer mode=enforce host=mx.bad.lab "
        + "result_type=certificate-expired why=\"certificate expired\""

    private let context = FakeContext([.daemonPort: "25", .recipientMailer: "smtp"])
    private let judge = TableJudge()

    private func session(_ log: WrittenLog, _ change: (inout MilterSettings) -> Void = { _ in }) -> Session {
        var settings = MilterSettings()
        change(&settings)
        let shared = MilterState(settings: settings, judge: judge, logger: log.logger, log: log.sink)
        let session = Session(shared: shared, canQuarantine: true)
        session.sender("<s@x.lab>", in: context)
        return session
    }

    @Test("with the queue id, as soon as it is known; mail without a policy has none")
    func atLaterRecipient() throws {
        let log = try WrittenLog()
        let session = session(log)
        _ = session.recipient("<secret@good.lab>", in: context)
        #expect(log.lines.isEmpty)
        context.symbols[.queueID] = Self.id
        _ = session.recipient("<secret@absent.lab>", in: context)
        let lines = ["info: verdict " + Self.written + Self.good]
        #expect(log.lines == lines)
        _ = session.recipient("<secret@bad.lab>", in: context)
        _ = session.recipient("<secret2@bad.lab>", in: context)
        _ = session.recipient("<secret2@good.lab>", in: context)
        _ = session.end(in: context)
        #expect(log.lines == lines + ["info: verdict " + Self.written + Self.bad])
    }

    enum End: CaseIterable { case end, endWithoutID, reset, nextMessage }

    @Test("at the end of the message, whatever its end is", arguments: End.allCases)
    func atEnd(_ end: End) throws {
        let log = try WrittenLog()
        let session = session(log)
        _ = session.recipient("<a@good.lab>", in: context)
        #expect(log.lines.isEmpty)
        switch end {
        case .end:
            context.symbols[.queueID] = Self.id
            #expect(session.end(in: context) == .proceed)
        case .endWithoutID: #expect(session.end(in: context) == .proceed)
        case .reset: session.abort()
        case .nextMessage: session.sender("<s@x.lab>", in: context)
        }
        let line = "info: verdict " + (end == .end ? Self.written : Self.unnamed) + Self.good
        #expect(log.lines == [line])
        context.symbols[.queueID] = "5C2"
        session.sender("<s@x.lab>", in: context)
        #expect(session.end(in: context) == .proceed)
        session.abort()
        #expect(log.lines == [line])
        #expect(judge.notes == ["good.lab"])
    }

    @Test("at once where the recipient is deferred, and not again")
    func deferred() throws {
        let log = try WrittenLog()
        let session = session(log)
        _ = session.recipient("<a@good.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
        let lines = ["info: verdict " + Self.unnamed + Self.bad]
        #expect(log.lines == lines)
        context.symbols[.queueID] = Self.id
        _ = session.end(in: context)
        #expect(log.lines == lines + ["info: verdict " + Self.written + Self.good])
    }

    @Test("before the line of what becomes of the message")
    func held() throws {
        let log = try WrittenLog()
        let session = session(log) { $0.onViolation = .quarantine }
        _ = session.recipient("<a@bad.lab>", in: context)
        #expect(log.lines.isEmpty)
        context.symbols[.queueID] = Self.id
        #expect(session.end(in: context) == .proceed)
        #expect(log.lines.map { $0.split(separator: " ").prefix(3).last.map(String.init) } == [Self.written, "put"])
        #expect(log.lines.last == "info: message put on hold " + Self.written)
    }

    @Test("and for each further recipient of the same next hop one of level debug, in order")
    func repeated() throws {
        let log = try WrittenLog(.debug)
        let session = session(log)
        for local in ["a", "b", "c"] { _ = session.recipient("<\(local)@good.lab>", in: context) }
        #expect(log.lines.isEmpty)
        context.symbols[.queueID] = Self.id
        _ = session.end(in: context)
        #expect(
            log.lines
                == zip(["info", "debug", "debug"], ["a", "b", "c"]).map { level, local in
                    "\(level): verdict " + Self.written + Self.good + " recipient_local=\(local)"
                })
    }

    @Test("and a message that is used again has nothing of the one before")
    func again() throws {
        let log = try WrittenLog()
        func fields(_ message: Message) -> [String] { Mirror(reflecting: message).children.map { "\($0)" } }
        let state = MilterState(settings: MilterSettings(), judge: judge, logger: Logger(label: ""), log: log.sink)
        let settings = state.settings
        let (fresh, used) = (Message(settings: settings), Message(settings: settings))
        used.origin = Origin(daemonName: "a", port: 1, isAuthenticated: true)
        used.queueID = "4B1"
        used.mayBeLocal = true
        used.requiresTLS = true
        used.isPlain = false
        used.tlsRequired = [.no]
        used.waited = .seconds(1)
        let judgement = Judgement(.modeNone)
        func judged(_ domain: DomainName?) -> Judged {
            Judged(
                VerdictLine(
                    recipient: EnvelopeAddress(local: "", domain: domain), hops: [], judgement: judgement,
                    decision: .deliver), rule: nil, isLocal: false, isMapAsked: true)
        }
        let good = try DomainName("good.lab")
        used.verdicts = [judged(nil)]
        used.others = [judged(good)]
        used.unjudged = [Unjudged(recipientDomain: good, reason: .ownReport)]
        used.omitted = 1
        used.accepted = [good]
        used.undecided = [Disposition(judgement, of: [], isHeldBack: true)]
        used.deferral = Reply(unknown: "", domain: nil)
        used.hold = used.deferral
        let same = zip(fields(used), fields(fresh)).filter { $0 == $1 }.count
        #expect(same == 1, "all but the settings are other than at the beginning")
        used.clear()
        #expect(fields(used) == fields(fresh))
    }
}
