// SPDX-License-Identifier: Apache-2.0
import Basics
import TestKit
import Testing
@testable import Milter

@Suite("What was decided about a message is kept for who asks by its queue id")
struct DecidedMessageTests {
    private let judge = TableJudge()
    private let log: WrittenLog
    private let state: MilterState
    private let clock = TestClock()
    private let context = FakeContext([.daemonPort: "25", .recipientMailer: "smtp"])

    init() throws { (log, state) = try Self.make { _ in } }

    private static func make(
        _ change: (inout MilterSettings) -> Void
    ) throws -> (WrittenLog, MilterState) {
        let log = try WrittenLog()
        var settings = MilterSettings()
        settings.keepsDecisions = true
        change(&settings)
        return (
            log,
            MilterState(
                settings: settings, judge: TableJudge(), clock: TestClock(), logger: log.logger, log: log.sink)
        )
    }

    private func take(_ state: MilterState) -> [DecidedMessage] {
        state.callbacks.decided.flatMap { $0.take() }
    }

    @Test("Postfix's first recipient has no queue id, the end of the message gives it")
    func firstRecipient() throws {
        let session = Session(shared: state, canQuarantine: true)
        session.sender("<s@x.lab>", in: context)
        _ = session.recipient("<secret@good.lab>", in: context)
        context.symbols[.queueID] = "4B1"
        _ = session.recipient("<secret@absent.lab>", in: context)
        _ = session.recipient("<other@good.lab>", in: context)
        _ = session.recipient("<secret@bad.lab>", in: context)
        #expect(session.end(in: context) == .proceed)
        let message = try #require(take(state).first)
        #expect(message.queueID == "4B1" && message.ending == .accepted && message.endedAt == clock.now)
        #expect(message.judged.map { $0.recipientDomain?.ascii } == ["good.lab", "absent.lab", "bad.lab"])
        #expect(message.judged.map(\.decision) == [.deliver, .deliver, .defer])
        #expect(message.judged[2].reply?.text.contains("certificate expired") == true)
        #expect(!message.isPlain && take(state).isEmpty)
        #expect(!"\(message)".contains("secret"))
    }

    @Test("mail without a policy, whose line is in no log, has its queue id from the end of the message")
    func plain() throws {
        let session = Session(shared: state, canQuarantine: true)
        session.sender("<s@x.lab>", in: context)
        _ = session.recipient("<a@absent.lab>", in: context)
        context.symbols[.queueID] = "4B2"
        #expect(session.end(in: context) == .proceed)
        let message = try #require(take(state).first)
        #expect(message.queueID == "4B2" && message.isPlain)
    }

    @Test("a message without a queue id, and one with local recipients alone, are not kept")
    func notKept() {
        let session = Session(shared: state, canQuarantine: true)
        session.sender("<s@x.lab>", in: context)
        _ = session.recipient("<a@good.lab>", in: context)
        session.abort()
        let local = FakeContext([.queueID: "4B3", .recipientMailer: "local"])
        session.sender("<s@x.lab>", in: local)
        _ = session.recipient("<a@good.lab>", in: local)
        #expect(session.end(in: local) == .proceed)
        #expect(take(state).isEmpty)
    }

    @Test("recipients of several domains by one next hop are kept each, and what a rule exempts")
    func others() throws {
        let rule = Rule(recipientDomain: try DomainPattern("exempt.lab"), action: .exempt)
        let (_, state) = try Self.make { $0.rules = [rule] }
        let session = Session(shared: state, canQuarantine: true)
        let relayed = FakeContext([
            .queueID: "4B4", .daemonPort: "25", .recipientMailer: "smtp", .recipientHost: "[good.lab]",
        ])
        session.sender("<s@x.lab>", in: relayed)
        for domain in ["a.lab", "b.lab", "a.lab", "exempt.lab"] { _ = session.recipient("<u@\(domain)>", in: relayed) }
        _ = session.recipient("<u@local.lab>", in: FakeContext([.recipientMailer: "local"]))
        #expect(session.end(in: relayed) == .proceed)
        let message = try #require(take(state).first)
        #expect(message.judged.map { $0.recipientDomain?.ascii } == ["a.lab", "b.lab"])
        #expect(message.unjudged.map { $0.recipientDomain?.ascii } == ["exempt.lab", "local.lab"])
        #expect(message.unjudged.map(\.reason) == [.exemptByRule, .notOurs("transport local")])
    }

    @Test("each end of a message has its word", arguments: DecidedMessage.Ending.allCases)
    func endings(_ ending: DecidedMessage.Ending) throws {
        let (_, state) = try Self.make {
            $0.tlsRequiredNo = ending == .letThroughByHeader
            if ending == .putOnHold { $0.onViolation = .quarantine }
            if ending == .deferred || ending == .letThroughByPause { $0.localSubmission = .defer }
        }
        let session = Session(shared: state, canQuarantine: true)
        let local = FakeContext([.queueID: "4B5", .daemonPort: "0"])
        let remote = FakeContext([.queueID: "4B5", .daemonPort: "25", .recipientMailer: "esmtp"])
        let context = ending == .deferred || ending == .letThroughByPause ? local : remote
        session.sender("s@x.lab", in: context)
        _ = session.recipient(ending == .accepted ? "a@good.lab" : "a@bad.lab", in: context)
        if ending == .letThroughByHeader { session.header("TLS-Required", "No") }
        if ending == .letThroughByPause { (state.judge as? TableJudge)?.pause(true) }
        if ending == .gone { session.abort() } else { _ = session.end(in: context) }
        let message = try #require(take(state).first)
        #expect(message.ending == ending)
        #expect((message.reply == nil) == (ending == .accepted || ending == .gone), "\(message)")
    }

    @Test("what nobody takes is bounded, and plain messages leave room for others")
    func bounded() throws {
        let session = Session(shared: state, canQuarantine: true)
        context.symbols[.queueID] = "4B6"
        func send(_ domain: String) {
            session.sender("<s@x.lab>", in: context)
            _ = session.recipient("<a@\(domain)>", in: context)
            _ = session.end(in: context)
        }
        for _ in 0..<DecidedMessages.limit { send("good.lab") }
        for _ in 0..<DecidedMessages.limit { send("testing.lab") }
        let messages = take(state)
        #expect(messages.count == DecidedMessages.limit)
        #expect(messages.count(where: \.isPlain) == DecidedMessages.plainLimit)
        send("good.lab")
        #expect(take(state).count == 1)
    }

    @Test("all connections together hold as many plain messages as are written at a time")
    func boundedTogether() throws {
        context.symbols[.queueID] = "4B9"
        func send(_ domain: String, _ session: Session) {
            session.sender("<s@x.lab>", in: context)
            _ = session.recipient("<a@\(domain)>", in: context)
            _ = session.end(in: context)
        }
        let sessions = (0..<16).map { _ in Session(shared: state, canQuarantine: true) }
        for session in sessions { for _ in 0..<DecidedMessages.plainLimit { send("good.lab", session) } }
        send("testing.lab", sessions[0])
        let messages = take(state)
        #expect(messages.count(where: \.isPlain) == DecidedBudget.limit)
        #expect(messages.count == DecidedBudget.limit + 1)
        for _ in 0..<5 { send("good.lab", sessions[1]) }
        #expect(take(state).count == 5)
    }

    @Test("of a message to very many domains some are kept, and how many are not")
    func many() throws {
        let session = Session(shared: state, canQuarantine: true)
        context.symbols[.queueID] = "4B7"
        session.sender("<s@x.lab>", in: context)
        for number in 0..<250 { _ = session.recipient("<a@\(number).lab>", in: context) }
        _ = session.end(in: context)
        let message = try #require(take(state).first)
        #expect(message.judged.count == 100 && message.omitted == 150)
    }

    @Test("nothing is kept unless it is asked for")
    func off() throws {
        let (_, state) = try Self.make { $0.keepsDecisions = false }
        let session = Session(shared: state, canQuarantine: true)
        context.symbols[.queueID] = "4B8"
        session.sender("<s@x.lab>", in: context)
        _ = session.recipient("<a@bad.lab>", in: context)
        _ = session.end(in: context)
        #expect(take(state).isEmpty)
    }
}
