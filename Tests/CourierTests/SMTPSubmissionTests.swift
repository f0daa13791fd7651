// SPDX-License-Identifier: Apache-2.0
import LabKit
import Reporting
import TLSRPT
import Testing
@testable import Courier

@Suite("Report mail by SMTP: what the host says decides", .serialized)
struct SMTPSubmissionTests {
    /// A host on loopback that takes reports, or does not.
    private struct Relay {
        let lab: CourierLab
        let host: MXServer
        let consent = Consent()

        init(_ faults: MXFault...) throws {
            lab = try CourierLab()
            let credential = try lab.authority.issue(names: ["elsewhere.lab"])
            host = try MXServer(
                address: lab.address(25),
                behaviour: MXBehaviour(hostName: "relay.lab", credential: credential, faults: Set(faults)))
            lab.names.set("relay.lab", .a(host.address))
        }

        func carry(
            via submission: String = "smtp:relay.lab", _ change: (inout CourierSettings) -> Void = { _ in }
        ) async throws -> SendResult {
            let submission = try Submission(submission)
            let courier = try lab.courier {
                $0.submission = submission
                change(&$0)
            }
            return await courier.carry(try .sample(), to: try .sample("mailto:reports@two.lab"), commit: consent.ask)
        }
    }

    @Test("the host's reply is the result")
    func accepted() async throws {
        let relay = try Relay()
        relay.host.change { $0.extensions = ["SIZE 1000000", "PIPELINING"] }
        #expect(try await relay.carry() == .accepted("250 2.0.0 kept as 1"))
        let message = try #require(relay.host.messages.first)
        #expect(message.clientName == "reporter.lab")
        let octets = message.text.utf8.count
        #expect(message.mailCommand == "MAIL FROM:<tlsrpt@sender.lab> SIZE=\(octets)")
        #expect(!message.overTLS)
        #expect(relay.consent.count == 1)
    }

    static let replies: [(MXFault, SendResult, consents: Int)] = [
        (.rejectRecipients, .refused("RCPT: 550 5.1.1 no such mailbox"), 0),
        (.deferRecipients, .deferred("RCPT: 450 4.2.1 try again later", after: nil), 0),
        (
            .answerRecipients("554 5.7.1 relay access denied"),
            .deferred("RCPT: 554 5.7.1 relay access denied", after: nil), 0
        ),
        (.answerMessages("552 5.3.4 too large"), .refused("end of message: 552 5.3.4 too large"), 1),
        (.answerMessages("451 4.3.0 disk full"), .deferred("end of message: 451 4.3.0 disk full", after: nil), 1),
        (
            .dropAfterMessage,
            .uncertain("message sent, but no answer: ADDRESS: end of message: connection closed by peer"), 1
        ),
        (.greet421, .deferred("\(failed)ADDRESS: greeting: 421 4.3.2 relay.lab closing", after: nil), 0),
        (.dropGreeting, .deferred("\(failed)ADDRESS: greeting: connection closed by peer", after: nil), 0),
        (.noEHLO, .accepted("250 2.0.0 kept as 1"), 1),
    ]

    private static let failed = "not handed over to smtp:relay.lab:25: "

    @Test("each reply has its meaning", arguments: replies.indices)
    func reply(_ index: Int) async throws {
        let (fault, expected, consents) = Self.replies[index]
        let relay = try Relay(fault)
        let result = try await relay.carry()
        #expect("\(result)" == "\(expected)".replacing("ADDRESS", with: relay.host.address))
        #expect(relay.consent.count == consents)
    }

    @Test("a host that stalls costs the time allowed, no more")
    func stalled() async throws {
        let relay = try Relay(.stallEHLO)
        let result = try await relay.carry { $0.mailTimeout = .milliseconds(300) }
        #expect(result == .deferred("\(Self.failed)\(relay.host.address): EHLO: timed out", after: nil))
    }

    @Test("when the time allowed ends while the report is marked, the host has no message")
    func markedTooLate() async throws {
        let relay = try Relay()
        let submission = try Submission("smtp:relay.lab")
        let courier = try relay.lab.courier {
            $0.submission = submission
            $0.mailTimeout = .milliseconds(400)
        }
        let result = await courier.carry(try .sample(), to: try .sample("mailto:reports@two.lab")) {
            try? await Task.sleep(for: .milliseconds(500))
            return true
        }
        #expect(result == .deferred("\(relay.host.address): end of message: timed out", after: nil))
        #expect(relay.host.messages.isEmpty)
    }

    @Test("a host that is away may take the report later")
    func away() async throws {
        let relay = try Relay()
        relay.host.stop()
        guard case .deferred = try await relay.carry() else { throw LabError("not deferred") }
        let unknown = SendResult.deferred(
            "not handed over to smtp:none.lab:25: none.lab does not exist", after: nil)
        #expect(try await relay.carry(via: "smtp:none.lab") == unknown)
        #expect(relay.consent.count == 0)
    }

    @Test("a dot at the start of a line is doubled")
    func dots() {
        let stuffed = SMTPTransaction.stuffed(Array(".a\r\nb.\r\n..\r\n".utf8))
        #expect(String(decoding: stuffed, as: UTF8.self) == "..a\r\nb.\r\n...\r\n")
    }
}
