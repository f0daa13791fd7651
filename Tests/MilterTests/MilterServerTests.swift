// SPDX-License-Identifier: Apache-2.0
import TestKit
import CMilter
import Core
import Foundation
import Logging
import Testing
@testable import Milter

/// A server on a Unix socket of its own, with a table for a judge. libmilter serves one a process and once only, so
/// each test runs in a process of its own.
struct TestServer: Sendable {
    let judge = TableJudge()
    let log: WrittenLog
    private let directory: TemporaryDirectory
    let server: MilterServer

    var path: String { directory.path + "/milter.sock" }

    init(_ change: (inout MilterSettings) throws -> Void = { _ in }) throws {
        directory = try TemporaryDirectory()
        log = try WrittenLog()
        var settings = MilterSettings()
        settings.socket = .unix(path: directory.path + "/milter.sock")
        try change(&settings)
        server = MilterServer(settings: settings, judge: judge, logger: log.logger, log: log.sink)
    }

    /// Opens the socket and serves on a thread of its own.
    func start() throws {
        try server.open()
        let server = server
        Thread { try? server.run() }.start()
    }

    func client() throws -> MilterClient { try MilterClient(path: path) }

    /// A connection that has agreed on options and begun a message.
    func message() throws -> MilterClient {
        let client = try client()
        _ = try client.negotiate()
        try client.mail("<s@x.lab>")
        return client
    }

    /// Waits for a condition; false when ten seconds were not enough.
    func eventually(_ condition: () -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .seconds(10)
        while !condition() {
            guard ContinuousClock.now < deadline else { return false }
            usleep(2_000)
        }
        return true
    }
}

@Suite("The milter server on libmilter")
struct MilterServerTests {
    @Test("negotiation: the fewest steps, and exactly the macros needed")
    func negotiation() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer()
            try test.start()
            let options = try test.client().negotiate()
            let steps =
                SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN
                | SMFIP_NODATA
                | SMFIP_NR_MAIL
            #expect(options.steps == UInt32(steps))
            #expect(options.actions == UInt32(SMFIF_SETSYMLIST | SMFIF_QUARANTINE))
            #expect(options.macros == [2: "i {daemon_port}", 3: "i {rcpt_mailer} {rcpt_host}", 5: "i"])

            // Rules need more, of messages on new connections.
            var settings = MilterSettings()
            settings.rules = [Rule(port: 587, action: .exempt)]
            test.server.apply(settings)
            #expect(
                try test.client().negotiate().macros[2] == "i {daemon_port} {auth_authen} {daemon_name} {client_addr}")

            // An MTA that cannot be asked for macros, nor hold mail, is served all the same.
            let poor = try test.client()
            let options2 = try poor.negotiate(actions: 0x1F)
            #expect(options2.actions == 0)
            #expect(options2.macros.isEmpty)
            try poor.mail("<s@x.lab>")
            #expect(try poor.recipient("<a@bad.lab>").command == "y")
        }
    }

    @Test("a dialogue: replies for each recipient, many messages on one connection")
    func dialogue() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.helpHint = "100% {domain}" }
            try test.start()
            let client = try test.client()
            _ = try client.negotiate()
            for round in 0..<3 {
                try client.mail("<s@x.lab>")
                #expect(try client.recipient("<a@good.lab>").command == "c")
                let bad = try client.recipient("<a@bad.lab>")
                #expect(bad.command == "y")
                #expect(
                    bad.text
                        == "451 4.7.5 MTA-STS: bad.lab: mx.bad.lab: certificate expired (policy mode enforce); "
                        + "see 100%% bad.lab")
                #expect(try client.recipient("<b@bad.lab>").text.contains("same as"))
                #expect(try client.recipient("<b@bad.lab>", macros: ["{rcpt_mailer}", "local"]).command == "c")
                if round == 1 { try client.abort() } else { #expect(try client.end().map(\.command) == ["c"]) }
            }
            try client.quit()
            #expect(test.eventually { test.server.connections == 0 })
            let ids = test.log.lines.filter { $0.contains("domain=good.lab") }.map { $0.split(separator: " ")[2] }
            #expect(ids == ["queue_id=4B1", "queue_id=NOQUEUE", "queue_id=4B1"])
        }
    }

    @Test("a connection that is cut off takes no line with it")
    func cutOff() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer()
            try test.start()
            do {
                let client = try test.message()
                #expect(try client.recipient("<a@good.lab>").command == "c")
                #expect(test.log.lines.isEmpty)
            }
            #expect(test.eventually { test.server.connections == 0 })
            #expect(test.log.lines.count == 1 && test.log.lines[0].contains("verdict queue_id=NOQUEUE "))
        }
    }

    @Test("quarantine and deferral at end of message")
    func endOfMessage() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.onViolation = .quarantine }
            try test.start()
            let client = try test.message()
            #expect(try client.recipient("<a@bad.lab>").command == "c")
            let replies = try client.end()
            #expect(replies.map(\.command) == ["q", "c"])
            #expect(replies.first?.text.contains("certificate expired") == true)

            var settings = MilterSettings()
            settings.localSubmission = .defer
            test.server.apply(settings)
            try client.mail("s@x.lab", macros: ["i", "4B2", "{daemon_port}", "0"])
            #expect(try client.recipient("a@bad.lab", macros: ["i", "4B2"]).command == "c")
            #expect(try client.end().map { String($0.text.prefix(9)) } == ["451 4.7.5"])
        }
    }

    @Test("TLS-Required: No: headers are asked for, and the verdict is said at end of message")
    func tlsRequired() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.tlsRequiredNo = true }
            try test.start()
            let client = try test.client()
            let steps = try client.negotiate().steps
            #expect(steps & UInt32(SMFIP_NOHDRS) == 0)
            #expect(steps & UInt32(SMFIP_NR_HDR) != 0)
            for isReloaded in [false, true] {
                // The steps are agreed upon for the life of the process, so new settings do not change what they allow.
                if isReloaded { test.server.apply(MilterSettings()) }
                for (value, answer) in [("No", Character("c")), ("Yes", "y")] {
                    try client.mail("<s@x.lab>")
                    #expect(try client.recipient("<a@bad.lab>").command == "c")
                    try client.header("Subject", "x")
                    try client.header("TLS-Required", value)
                    #expect(try client.end().last?.command == answer)
                }
            }
        }
    }

    @Test("callbacks wait for a lookup, only so many of them, and the others are answered at once")
    func waiting() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer {
                $0.maxWaiting = 4
                $0.onUnknown = .defer
                $0.lookupWait = .seconds(60)
                $0.messageBudget = .seconds(60)
            }
            try test.start()
            let done = DispatchGroup()
            // One after the other: in a burst libmilter queues a session behind a worker that is not idle any more.
            for number in 1...4 {
                DispatchQueue(label: "waiter").async(group: done) {
                    let reply = try? test.message().recipient("<a@good\(number)slow.lab>").command
                    #expect(reply == "c")
                }
                #expect(test.eventually { test.judge.lookups == number && test.server.callbacksUnderWay == number })
            }
            let fifth = try test.message()
            #expect(try fifth.recipient("<a@good.slow.lab>").text.contains("lookup still running"))
            #expect(try fifth.recipient("<a@good.lab>").command == "c")
            #expect(test.eventually { test.judge.lookups == 5 })
            test.judge.release()
            done.wait()
            #expect(test.eventually { test.server.callbacksUnderWay == 0 })
        }
    }

    @Test("names below one slow domain leave places to wait to others, however many ask")
    func share() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer {
                $0.maxWaiting = 64
                $0.onUnknown = .defer
                $0.lookupWait = .seconds(60)
                $0.messageBudget = .seconds(60)
            }
            try test.start()
            var clients: [MilterClient] = []
            for number in 1...70 {
                let client = try test.message()
                try client.send("R", Array("<a@good\(number).slow.lab>".utf8) + [0])
                clients.append(client)
                #expect(test.eventually { test.judge.lookups == number })
            }
            #expect(test.eventually { test.server.callbacksUnderWay == 32 })
            let victim = try test.message()
            try victim.send("R", Array("<a@goodslow.lab>".utf8) + [0])
            #expect(test.eventually { test.server.callbacksUnderWay == 33 })
            test.judge.release()
            #expect(try victim.receive().command == "c")
            let refused = try clients.count { try $0.receive().text.contains("lookup still running") }
            #expect(refused == 38)
        }
    }

    @Test("connections that break off or speak nonsense leave nothing behind")
    func nonsense() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.lookupWait = .milliseconds(50) }
            try test.start()
            _ = try test.client()  // hangs up at once
            _ = try test.client().negotiate()
            _ = try test.message()
            _ = try test.message().recipient("<a@bad.lab>")
            // Hangs up while its lookup runs.
            try test.message().send("R", Array("<a@slow.lab>".utf8) + [0])
            var generator = SeededGenerator.chosen(for: "broken milter packets")
            for length in [1, 4, 5, 64, 4096] {
                let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                try? test.client().write(bytes)
                try? test.message().write(bytes)
            }
            for packet: (Character, [UInt8]) in [
                ("R", []), ("R", [65]), ("M", []), ("D", []), ("D", [82]), ("E", [0]), ("Z", []),
            ] {
                try? test.message().send(packet.0, packet.1)
            }
            try test.message().write([0xFF, 0xFF, 0xFF, 0xFF, 82])
            test.judge.release()
            #expect(test.eventually { test.server.connections == 0 && test.server.callbacksUnderWay == 0 })
            #expect(try test.message().recipient("<a@bad.lab>").command == "y")
        }
    }

    @Test("many connections at one time")
    func crowd() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer()
            try test.start()
            DispatchQueue.concurrentPerform(iterations: 32) { number in
                do {
                    let client = try test.client()
                    _ = try client.negotiate()
                    for round in 0..<20 {
                        try client.mail("<s\(number)@x.lab>")
                        #expect(try client.recipient("<a@good\(round).lab>").command == "c")
                        #expect(try client.recipient("<a@bad\(round).lab>").command == "y")
                        #expect(try client.end("4B\(number)").last?.command == "c")
                    }
                } catch {
                    Issue.record(error)
                }
                if number % 8 == 0 { test.server.apply(MilterSettings()) }
            }
            #expect(test.eventually { test.server.connections == 0 })
            #expect(test.judge.notes.count == 32 * 20 * 2)
        }
    }
}
