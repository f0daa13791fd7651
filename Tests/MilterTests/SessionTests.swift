// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import Milter

@Suite("Sessions")
struct SessionTests {
    let judge = TableJudge()
    let log: WrittenLog

    init() throws { log = try WrittenLog() }

    private func session(_ change: (inout MilterSettings) -> Void = { _ in }, canQuarantine: Bool = true) -> Session {
        var settings = MilterSettings()
        settings.lookupWait = .milliseconds(20)
        change(&settings)
        let shared = MilterState(settings: settings, judge: judge, logger: log.logger, log: log.sink)
        return Session(shared: shared, canQuarantine: canQuarantine)
    }

    private func smtp(_ host: String? = nil) -> FakeContext {
        FakeContext(
            [.daemonPort: "25", .recipientMailer: "smtp"].merging(host.map { [.recipientHost: $0] } ?? [:]) { $1 })
    }

    @Test("a violating recipient waits, the others of the message go on")
    func perRecipient() {
        let session = session()
        let context = smtp()
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@good.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
        #expect(session.recipient("<a@absent.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@testing.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@unknown.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@unproven.lab>", in: context) == .defer)
        #expect(session.end(in: context) == .proceed)
        #expect(context.replies.map(\.status) == ["4.7.5", "4.7.0"])
    }

    @Test("the full text is said once for a domain and message, and the verdict counted once")
    func saidOnce() {
        let session = session()
        let context = smtp()
        session.sender("<s@x.lab>", in: context)
        for local in ["a", "b", "c"] { #expect(session.recipient("<\(local)@bad.lab>", in: context) == .defer) }
        #expect(session.recipient("<a@bad2.lab>", in: context) == .defer)
        #expect(context.replies.map { $0.text.contains("certificate expired") } == [true, false, false, true])
        #expect(judge.notes == ["bad.lab", "bad2.lab"])
        session.abort()
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
        #expect(context.replies.last?.text.contains("certificate expired") == true)
        #expect(judge.notes.count == 3)
    }

    @Test("the route is the MTA's: a smart host is judged, another transport is not")
    func route() {
        let session = session()
        session.sender("<s@x.lab>", in: smtp())
        #expect(session.recipient("<a@good.lab>", in: smtp("[mx.bad.lab]:587")) == .defer)
        #expect(session.recipient("<a@bad.lab>", in: smtp("good.lab")) == .proceed)
        #expect(session.recipient("<a@bad.lab>", in: FakeContext([.recipientMailer: "local"])) == .proceed)
        #expect(session.recipient("<a@bad.lab>", in: FakeContext([.recipientMailer: "error"])) == .proceed)
        #expect(session.recipient("<a@[192.0.2.1]>", in: smtp()) == .proceed)
        #expect(session.recipient("<postmaster>", in: smtp()) == .proceed)
    }

    @Test("a mailer that a reload takes from the list is judged no longer, from the next message on")
    func reloadedTransports() {
        let shared = MilterState(settings: MilterSettings(), judge: judge, logger: log.logger, log: log.sink)
        let session = Session(shared: shared, canQuarantine: true)
        session.sender("<s@x.lab>", in: smtp())
        #expect(session.recipient("<a@bad.lab>", in: smtp()) == .defer)
        var other = MilterSettings()
        other.transports = ["relay"]
        shared.apply(other)
        #expect(session.recipient("<a@bad2.lab>", in: smtp()) == .defer)
        session.sender("<s@x.lab>", in: smtp())
        #expect(session.recipient("<a@bad.lab>", in: smtp()) == .proceed)
    }

    @Test("what is not known yet is waited for, in bounds")
    func waiting() async {
        await onThread {
            let session = session { $0.onUnknown = .defer }
            let context = smtp()
            session.sender("<s@x.lab>", in: context)
            #expect(session.recipient("<a@slow.lab>", in: context) == .defer)
            #expect(context.replies.first?.status == "4.7.0")
        }
        judge.release()
        await onThread {
            let session = session {
                $0.onUnknown = .defer
                $0.lookupWait = .seconds(20)
                $0.messageBudget = .seconds(20)
            }
            let context = smtp()
            session.sender("<s@x.lab>", in: context)
            #expect(session.recipient("<a@good.slow.lab>", in: context) == .proceed)
            #expect(context.replies.isEmpty)
        }
    }

    @Test("a message waits no longer than its limit, however many slow domains it names")
    func budget() async {
        await onThread {
            let session = session { $0.messageBudget = .milliseconds(30) }
            let context = smtp()
            session.sender("<s@x.lab>", in: context)
            let start = ContinuousClock.now
            for number in 0..<200 { #expect(session.recipient("<a@\(number).slow.lab>", in: context) == .proceed) }
            // Without the budget these were 200 times 20 ms.
            #expect(ContinuousClock.now - start < .seconds(2))
        }
        judge.release()
    }

    @Test("mail of sendmail(1) is never refused at RCPT")
    func localSubmission() {
        let local = FakeContext([.queueID: "4B1", .daemonPort: "0"])
        var session = session()
        session.sender("s@x.lab", in: local)
        #expect(session.recipient("a@bad.lab", in: local) == .proceed)
        #expect(session.end(in: local) == .proceed)

        session = self.session { $0.localSubmission = .defer }
        session.sender("s@x.lab", in: local)
        #expect(session.recipient("a@good.lab", in: local) == .proceed)
        #expect(session.recipient("a@bad.lab", in: local) == .proceed)
        #expect(local.replies.isEmpty)
        #expect(session.end(in: local) == .defer)
        #expect(local.replies.count == 1)
    }

    @Test("a client cannot make its mail look like that of sendmail(1)")
    func notLocal() {
        let session = session()
        // Sendmail has a queue id at MAIL too; a client may leave the brackets out.
        let sendmail = FakeContext([
            .queueID: "4B1", .daemonPort: "25", .recipientMailer: "esmtp", .recipientHost: "bad.lab.",
        ])
        session.sender("s@x.lab", in: sendmail)
        #expect(session.recipient("a@bad.lab", in: sendmail) == .defer)
    }

    @Test("quarantine is for the end of message, and defers if the MTA cannot hold mail")
    func quarantine() {
        let context = smtp()
        var session = session { $0.onViolation = .quarantine }
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
        #expect(session.end(in: context) == .proceed)
        #expect(context.holds.count == 1)
        #expect(context.replies.isEmpty)

        context.canHold = false
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
        #expect(session.end(in: context) == .defer)

        session = self.session({ $0.onViolation = .quarantine }, canQuarantine: false)
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
    }

    @Test(
        "TLS-Required: No lets the message through, anything else does not",
        arguments: [
            (["No"], false, true), ([" no "], false, true), (["No", "no"], false, true), (["No", "Yes"], false, false),
            (["Yes"], false, false), ([""], false, false), (["No way"], false, false), ([], false, false),
            (["No"], true, false),
        ])
    func tlsRequired(_ values: [String], _ requiresTLS: Bool, _ goes: Bool) {
        let session = session { $0.tlsRequiredNo = true }
        let context = smtp()
        session.sender("<s@x.lab>", requiresTLS: requiresTLS, in: context)
        #expect(session.recipient("<a@good.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
        session.header("Subject", "No")
        for value in values { session.header("tls-REQUIRED", value) }
        #expect(session.end(in: context) == (goes ? .proceed : .defer))
        #expect(log.lines.contains { $0.contains("let through") } == goes)
    }

    @Test("where a map guards the delivery, nobody waits for the header, and nobody is deferred at the end")
    func tlsRequiredWithMap() {
        let session = session {
            $0.tlsRequiredNo = true
            $0.isGuardedByMap = true
        }
        let context = smtp()
        judge.countOnMap()
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@good.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
        #expect(session.end(in: context) == .proceed)
        #expect(judge.accepted == ["good.lab", "bad.lab"])
        #expect(log.lines.contains { $0.contains("recipient_domain=bad.lab") && $0.contains("action=policy-map") })
    }

    @Test(
        "a map is counted on only where next hop and recipient's domain are the same",
        arguments: ["[bad.lab]", "bad.lab", "[bad.lab]:587", "[unproven.lab]"])
    func relayedWithMap(_ host: String) {
        let session = session {
            $0.tlsRequiredNo = true
            $0.onUnproven = .defer
            $0.isGuardedByMap = true
        }
        let context = smtp(host)
        judge.countOnMap()
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@good.lab>", in: context) == .proceed)
        #expect(session.end(in: context) == .defer)
    }

    @Test("an MTA that asks the map for recipients' domains guards no other next hop", arguments: [false, true])
    func mailertable(_ isByRecipient: Bool) {
        let session = session { $0.isGuardedByMap = true }
        let context = smtp("unproven.lab")
        judge.countOnMap()
        if isByRecipient { judge.askMapByRecipient() }
        session.sender("<s@x.lab>", in: context)
        // The next hop's own mail first: what was found for it is not found for the others.
        #expect(session.recipient("<a@unproven.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@good.lab>", in: context) == (isByRecipient ? .defer : .proceed))
        #expect(session.recipient("<b@unproven.lab>", in: context) == .proceed)
        #expect(session.recipient("<b@[192.0.2.1]>", in: context) == (isByRecipient ? .defer : .proceed))
    }

    @Test("while the operator has paused us all goes on, and the log says what would not have")
    func paused() {
        let session = session { $0.onUnknown = .defer }
        let context = smtp()
        judge.pause(true)
        session.sender("<s@x.lab>", in: context)
        for name in ["good", "bad", "unknown", "unproven", "testing"] {
            #expect(session.recipient("<a@\(name).lab>", in: context) == .proceed, "\(name)")
        }
        #expect(session.end(in: context) == .proceed)
        #expect(context.replies.isEmpty)
        for (name, words) in [
            ("good", "verdict=conforming action=deliver"), ("bad", "verdict=violating action=paused"),
            ("unknown", "verdict=unknown action=paused"), ("unproven", "verdict=unproven action=paused"),
            ("testing", "verdict=not-conforming action=log"),
        ] {
            #expect(log.lines.contains { $0.contains("policy_domain=\(name).lab \(words)") }, "\(log.lines)")
        }
        judge.pause(false)
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
    }

    @Test("a pause that begins before the end of a message lets it go, whole", arguments: [true, false])
    func pausedAtEnd(_ holds: Bool) {
        let session = session {
            $0.tlsRequiredNo = !holds
            $0.onViolation = holds ? .quarantine : .defer
        }
        let context = smtp()
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
        judge.pause(true)
        #expect(session.end(in: context) == .proceed)
        #expect(context.replies.isEmpty && context.holds.isEmpty)
        #expect(log.lines.contains { $0.contains("let through by a pause") }, "\(log.lines)")
    }

    @Test("a map that the verdict does not rest on is not counted on")
    func mapNotAsked() {
        let session = session {
            $0.tlsRequiredNo = true
            $0.isGuardedByMap = true
        }
        let context = smtp()
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
        #expect(session.end(in: context) == .defer)
        #expect(judge.accepted == [])
    }

    @Test("where a map guards, an unproven route goes on unless the operator says otherwise")
    func unprovenWithMap() {
        let context = smtp()
        judge.countOnMap()
        for (action, answer) in [(nil, Answer.proceed), (.defer, .defer), (.accept, .proceed)]
            as [(UnknownAction?, Answer)]
        {
            let session = session { $0.onUnproven = action }
            session.sender("<s@x.lab>", in: context)
            #expect(session.recipient("<a@unproven.lab>", in: context) == answer)
        }
    }

    @Test("mail that goes on for a domain with an enforce policy is told of at its end, each domain once")
    func accepted() {
        let session = session()
        let context = smtp()
        func send(_ recipients: [String], in context: FakeContext, ends: Bool = true) {
            session.sender("<s@x.lab>", in: context)
            for recipient in recipients { _ = session.recipient(recipient, in: context) }
            if ends { _ = session.end(in: context) } else { session.abort() }
        }
        // Held back, not under an enforce policy, or not sent at all.
        send(["<a@bad.lab>", "<a@unproven.lab>", "<a@testing.lab>", "<a@none.lab>", "<a@absent.lab>"], in: context)
        send(["<a@good.lab>"], in: context, ends: false)
        #expect(judge.accepted == [])
        // Not by the domain's own MX records, or nobody says how.
        send(["<a@good.lab>"], in: smtp("[mx.other.lab]"))
        send(["<a@good.lab>"], in: FakeContext([.daemonPort: "25"]))
        send(["<a@good.lab>"], in: FakeContext([.daemonPort: "25", .recipientMailer: "error"]))
        #expect(judge.accepted == [])
        send(["<a@good.lab>", "<b@good.lab>", "<a@bad.lab>", "<a@other.lab>"], in: context)
        #expect(judge.accepted == ["good.lab", "other.lab"])
        send([], in: context)
        #expect(judge.accepted.count == 2)
    }

    @Test("a message that is put on hold, or let through without TLS, is none that the map is asked for")
    func notAccepted() {
        var session = session { $0.onViolation = .quarantine }
        let context = smtp()
        session.sender("<s@x.lab>", in: context)
        _ = session.recipient("<a@good.lab>", in: context)
        _ = session.recipient("<a@bad.lab>", in: context)
        _ = session.end(in: context)
        session = self.session { $0.tlsRequiredNo = true }
        session.sender("<s@x.lab>", in: context)
        _ = session.recipient("<a@good.lab>", in: context)
        session.header("TLS-Required", "No")
        _ = session.end(in: context)
        #expect(judge.accepted == [])
    }

    @Test("rules exempt and change what is done")
    func rules() throws {
        let rules = [
            Rule(authenticated: true, action: .exempt),
            Rule(
                recipientDomain: try DomainPattern("bad2.lab"),
                action: .act(onViolation: .log, onUnknown: nil, onUnproven: nil)),
            Rule(
                recipientDomain: try DomainPattern("unknown.lab"),
                action: .act(onViolation: nil, onUnknown: .defer, onUnproven: nil)),
        ]
        let session = session { $0.rules = rules }
        let context = smtp()
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
        #expect(session.recipient("<a@bad2.lab>", in: context) == .proceed)
        #expect(session.recipient("<a@unknown.lab>", in: context) == .defer)
        context.symbols[.login] = "somebody"
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
    }

    @Test("our own report is never kept back; ours is what comes from this host and goes where a report is awaited")
    func ownReport() {
        let session = session { $0.reportSender = EnvelopeAddress("tlsrpt@x.lab") }
        let context = smtp()
        for (client, sender, answer) in [
            ("127.0.0.1", "<tlsrpt@x.lab>", Answer.proceed), ("IPv6:::1", "<tlsrpt@X.lab>", .proceed),
            ("192.0.2.1", "<tlsrpt@x.lab>", .defer), ("127.0.0.1", "<other@x.lab>", .defer),
            ("127.0.0.1", "<>", .defer),
        ] {
            context.symbols[.clientAddress] = client
            session.sender(sender, in: context)
            #expect(session.recipient("<reports@bad.lab>", in: context) == answer, "\(client) \(sender)")
            #expect(session.recipient("<a@bad.lab>", in: context) == .defer, "\(client) \(sender)")
        }
    }

    @Test("callbacks out of order do no harm")
    func outOfOrder() {
        let session = session()
        let context = smtp()
        #expect(session.end(in: context) == .proceed)
        session.header("TLS-Required", "No")
        session.abort()
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
        #expect(session.end(in: context) == .proceed)
        #expect(session.end(in: context) == .proceed)
    }

    @Test("settings change between messages, never within one")
    func reload() {
        let session = session()
        let context = smtp()
        session.sender("<s@x.lab>", in: context)
        var settings = MilterSettings()
        settings.onViolation = .log
        session.shared.apply(settings)
        #expect(session.recipient("<a@bad.lab>", in: context) == .defer)
        session.sender("<s@x.lab>", in: context)
        #expect(session.recipient("<a@bad.lab>", in: context) == .proceed)
    }
}
