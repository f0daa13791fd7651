// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Status
import Testing
import TestKit

@Suite("What a real MTA says of its deliveries is counted once, under the policy in force")
struct IntakeScenarios {
    @Test("Postfix 3.7: each kind of delivery, from its log")
    func postfixLog() async throws {
        let log = try TemporaryDirectory("sts-lab-intake")
        let lab = try await IntakeLab(
            gate: 70, suffix: "in37.lab", settings: "[intake]\npostfix_log = \"\(log.path)/mail.log\"\n")
        try log.write("mail.log", "")
        try await lab.daemon.start()
        var options = MapLab.options(lab.network, map: MapLab.map(70))
        options.settings.append("maillog_file = \(log.path)/mail.log")
        let postfix = try Postfix(address: "127.20.0.40", options: options)
        defer { postfix.stop() }
        let mail = Deliveries(lab: lab, postfix: postfix, logFile: log.path + "/mail.log")
        try await mail.deliverAll()
        try await lab.waitForCounts([
            "good sts 1/0", "several sts 1/0", "plain sts 0/1 starttls-not-supported=1",
            "expired sts 0/1 certificate-expired=1", "other sts 0/1 certificate-host-mismatch=1",
            "unknown sts 0/1 certificate-not-trusted:self-signed_certificate=1",
            // Postfix 3.7 takes the policy's names for the certificate's, and so finds that wrong, too.
            "foreign sts 0/1 validation-failure:mx-not-in-sts-policy=1",
            "failover sts 1/1 certificate-expired=1", "testing sts 0/1 starttls-not-supported=1",
            "testgood sts 1/0", "testself sts 0/1 certificate-not-trusted=1", "free no-policy-found 1/0",
            "nowhere sts 0/1 sts-policy-fetch-error:HTTP status 404 from mta-sts.nowhere.in37.lab=1",
        ])
        // Mail that no host could take is held mail; where another host took it, it is none.
        let held = Set(try lab.daemon.status().held.map(\.domain))
        #expect(held.isSuperset(of: ["plain", "expired", "other", "unknown"].map { "\($0).in37.lab" }), "\(held)")
        #expect(held.isDisjoint(with: ["good", "several", "failover", "testing"].map { "\($0).in37.lab" }), "\(held)")
        // After a crash it reads on where it stopped: nothing is lost, nothing counted twice.
        lab.daemon.kill()
        // The map is gone with it, so that this one waits.
        try await mail.deliver("u@testgood.in37.lab")
        try await lab.daemon.start()
        try await mail.deliver("u@good.in37.lab")
        try await Wait.until("two sessions with the good host", within: .seconds(30)) {
            try lab.counted().contains("good sts 2/0")
        }
        #expect(try lab.counted().filter { !$0.hasPrefix("testgood ") }.count == 12)
    }

    @Test("mail that the MTA holds goes soon after its domain relaxes the policy, though no other mail asks")
    func relaxed() async throws {
        let log = try TemporaryDirectory("sts-lab-intake")
        let lab = try await IntakeLab(
            gate: 78, suffix: "relax.lab", settings: "[intake]\npostfix_log = \"\(log.path)/mail.log\"\n")
        try log.write("mail.log", "")
        try await lab.daemon.start()
        var options = MapLab.options(lab.network, map: MapLab.map(78))
        options.settings.append("maillog_file = \(log.path)/mail.log")
        let postfix = try Postfix(address: "127.20.0.178", options: options)
        defer { postfix.stop() }
        let domain = "strict.relax.lab"
        let host = try lab.domain("strict", plain: true)
        try await postfix.accept("u@\(domain)")
        try await Wait.until("the message waits", within: .seconds(30)) {
            try postfix.queue().contains { $0.recipients.first?.delayReason?.contains("TLS is required") == true }
        }
        #expect(host.messages.isEmpty)
        try lab.network.publish(domain, mode: "none", mx: [], id: "2")
        // By default its record is looked at once an hour.
        try await Wait.until("the message goes: \(lab.daemon.log)", within: .seconds(60)) {
            try postfix.flush()
            return !host.messages.isEmpty
        }
    }

    @Test(
        "Postfix 3.10: each kind of delivery, from its datagrams and its log together",
        .enabled(if: Postfix.hasDebian13))
    func datagrams() async throws {
        let directory = try TemporaryDirectory("sts-lab-intake")
        try directory.write("mail.log", "")
        let lab = try await IntakeLab(
            gate: 71, suffix: "in310.lab",
            settings: """
                [intake]
                tlsrpt_socket = "\(directory.path)/tlsrpt.sock"
                tlsrpt_socket_mode = "0666"
                postfix_log = "\(directory.path)/mail.log"

                """)
        try await lab.daemon.start()
        var options = MapLab.options(lab.network, map: MapLab.map(71, "postfix-tlsrpt"))
        options.root = Postfix.debian13
        options.settings += [
            "maillog_file = \(directory.path)/mail.log", "smtp_tlsrpt_enable = yes",
            "smtp_tlsrpt_socket_name = \(directory.path)/tlsrpt.sock",
        ]
        let postfix = try Postfix(address: "127.20.0.41", options: options)
        defer { postfix.stop() }
        let mail = Deliveries(lab: lab, postfix: postfix, logFile: directory.path + "/mail.log")
        try await mail.deliverAll()
        try await lab.waitForCounts([
            "good sts 1/0", "several sts 1/0", "plain sts 0/1 starttls-not-supported=1",
            "expired sts 0/1 certificate-expired=1", "other sts 0/1 certificate-host-mismatch=1",
            // Of which Postfix says "validation-failure".
            "unknown sts 0/1 certificate-not-trusted:self-signed_certificate=1",
            "foreign sts 0/1 validation-failure:mx-not-in-sts-policy=1", "failover sts 1/1 certificate-expired=1",
            "testing sts 0/1 starttls-not-supported=1", "testgood sts 1/0",
            "testself sts 0/1 certificate-not-trusted=1", "free no-policy-found 1/0",
            "nowhere sts 0/1 sts-policy-fetch-error:HTTP status 404 from mta-sts.nowhere.in310.lab=1",
        ])
    }

    @Test("lines that cannot be read are said by status, with the first of them and nobody's address")
    func unread() async throws {
        let directory = try TemporaryDirectory("sts-lab-intake")
        let log = try directory.write("mail.log", "")
        let lab = try await IntakeLab(
            gate: 77, suffix: "inunread.lab", settings: "[intake]\npostfix_log = \"\(log)\"\n")
        try await lab.daemon.start()
        try await Wait.until("the log is followed") { lab.daemon.log.contains("follows a log") }
        func status() throws -> [String] {
            try lab.daemon.command("status").output.split(separator: "\n").map(String.init)
        }
        #expect(try status().contains("postfix log: \(log), 0 sessions"))
        #expect(try !status().contains { $0.contains("cannot be read") })
        let line = "[12345.678901] vm postfix/smtp[1]: A1: to=<u@a.example>, relay=mx[192.0.2.1]:25, status=sent (ok)\n"
        try Data(String(repeating: line, count: 3).utf8).write(to: URL(fileURLWithPath: log))
        let said =
            "postfix log: 3 lines tell of sessions and cannot be read, the first: [12345.678901] vm postfix/smtp[1]: A1: "
            + "to=<...@a.example>, relay=mx[192.0.2.1]:25, status=sent (ok)"
        var last: [String] = []
        try await Wait.until("status says it") {
            last = try status()
            return last.contains { $0.contains("cannot be read") }
        }
        #expect(last.contains(said), "\(last)")
    }

    @Test("mail that the milter defers is a failed session of ours, mail that goes on is the MTA's to tell of")
    func gate() async throws {
        let directory = try TemporaryDirectory("sts-lab-intake")
        try directory.write("mail.log", "")
        let lab = try await IntakeLab(
            gate: 72, suffix: "ingate.lab", settings: "[intake]\npostfix_log = \"\(directory.path)/mail.log\"\n")
        try await lab.daemon.start()
        var options = MapLab.options(lab.network, map: MapLab.map(72))
        options.milters = [lab.daemon.milter]
        options.settings.append("maillog_file = \(directory.path)/mail.log")
        let postfix = try Postfix(address: "127.20.0.42", options: options)
        defer { postfix.stop() }
        let mail = Deliveries(lab: lab, postfix: postfix, logFile: directory.path + "/mail.log")
        try lab.domain("good")
        try lab.domain("plain", plain: true)
        try await mail.deliver("u@good.ingate.lab")
        #expect(try await postfix.send(to: ["u@plain.ingate.lab"]).reply.code == 451)
        try await lab.waitForCounts(["good sts 1/0", "plain sts 0/1 starttls-not-supported=1"])
    }

    @Test(
        "Sendmail: each kind of delivery, from its log",
        .enabled(if: Sendmail.isPrepared, "Tests/lab/install sendmail makes it"))
    func sendmail() async throws {
        let lab0 = try await Lab.open()
        var options = Sendmail.Options()
        options.caFile = lab0.network.authority.caFile
        options.definitions = [
            "FEATURE(`sts', `socket -d5 -T<TMPF> inet:8461@127.20.9.73')dnl", "define(`confLOG_LEVEL', `14')dnl",
        ]
        let sendmail = try Sendmail(address: "127.20.7.4", options: options)
        defer { sendmail.stop() }
        let lab = try await IntakeLab(
            gate: 73, suffix: "insm.lab", settings: "[intake]\nsendmail_log = \"\(sendmail.logFile)\"\n")
        try await lab.daemon.start()
        try lab.domain("good")
        try lab.domain("plain", plain: true)
        try lab.domain("other", credential: lab.network.authority.issue(names: ["mx.elsewhere.lab"]))
        try lab.domain("testing", mode: "testing", plain: true)
        try lab.unpolicedDomain("free")
        let foreign = try lab.network.mailHost("mx.away.insm.lab")
        lab.network.route("foreign.insm.lab", to: ["mx.away.insm.lab"])
        try lab.network.publish("foreign.insm.lab", mode: "enforce", mx: ["mx.foreign.insm.lab"])
        for name in ["good", "plain", "other", "testing", "free", "foreign"] {
            let dialogue = try await sendmail.send(to: ["u@\(name).insm.lab"])
            #expect(dialogue.data?.isPositive == true, "\(dialogue)")
            try await sendmail.waitForLog("to=<u@\(name).insm.lab>", "stat=")
        }
        #expect(foreign.messages.isEmpty)
        try await lab.waitForCounts([
            "good sts 1/0", "plain sts 0/1 starttls-not-supported=1", "other sts 0/1 certificate-host-mismatch=1",
            "testing sts 0/1 starttls-not-supported=1", "free no-policy-found 1/0",
            "foreign sts 0/1 validation-failure:mx-not-in-sts-policy=1",
        ])
    }
}

/// One delivery of each kind.
private struct Deliveries {
    let lab: IntakeLab
    let postfix: Postfix
    let logFile: String

    func deliverAll() async throws {
        try lab.domain("good")
        try lab.domain("several")
        try lab.domain("plain", plain: true)
        let authority = lab.network.authority
        try lab.domain("expired", credential: expired("mx.expired.\(lab.suffix)"))
        try lab.domain("other", credential: authority.issue(names: ["mx.elsewhere.lab"]))
        try lab.domain("unknown", credential: authority.selfSigned(names: ["mx.unknown.\(lab.suffix)"]))
        try lab.domain("testing", mode: "testing", plain: true)
        try lab.domain("testgood", mode: "testing")
        try lab.domain(
            "testself", mode: "testing", credential: authority.selfSigned(names: ["mx.testself.\(lab.suffix)"]))
        try lab.unpolicedDomain("free")
        try makeForeign()
        try makeFailover()
        try makeNowhere()
        for name in [
            "good", "plain", "expired", "other", "unknown", "testing", "testgood", "testself", "free", "foreign",
            "failover", "nowhere",
        ] { try await deliver("u@\(name).\(lab.suffix)") }
        try await deliver("a@several.\(lab.suffix)", "b@several.\(lab.suffix)", "c@several.\(lab.suffix)")
    }

    /// Sends a message and waits until each recipient was tried.
    func deliver(_ recipients: String...) async throws {
        func tries() throws -> [Int] {
            let lines = try String(contentsOfFile: logFile, encoding: .utf8).split(separator: "\n")
            return recipients.map { recipient in
                lines.count { $0.contains("to=<\(recipient)>") && $0.contains(" status=") }
            }
        }
        let before = try tries()
        let dialogue = try await postfix.send(to: recipients)
        #expect(dialogue.data?.isPositive == true, "\(dialogue)")
        try await Wait.until("delivery to \(recipients)") { try zip(before, tries()).allSatisfy { $0 < $1 } }
    }

    private func expired(_ name: String) throws -> Credential {
        try lab.network.authority.issue(names: [name], validity: .expired)
    }

    /// An MX record that leads to a host outside the policy.
    private func makeForeign() throws {
        let domain = "foreign.\(lab.suffix)"
        lab.wantsReports(domain)
        try lab.network.mailHost("mx.away.\(lab.suffix)")
        lab.network.route(domain, to: ["mx.away.\(lab.suffix)"])
        try lab.network.publish(domain, mode: "enforce", mx: ["mx.\(domain)"])
    }

    /// A bad host before a good one.
    private func makeFailover() throws {
        let domain = "failover.\(lab.suffix)"
        lab.wantsReports(domain)
        try lab.network.mailHost("mx1.\(domain)", credential: expired("mx1.\(domain)"))
        try lab.network.mailHost("mx2.\(domain)")
        lab.network.route(domain, to: ["mx1.\(domain)", "mx2.\(domain)"])
        try lab.network.publish(domain, mode: "enforce", mx: ["mx1.\(domain)", "mx2.\(domain)"])
    }

    /// A policy that is announced and cannot be had.
    private func makeNowhere() throws {
        try lab.unpolicedDomain("nowhere")
        try lab.network.publish("nowhere.\(lab.suffix)", .status(404))
    }
}
