// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Concurrency
import Foundation
import Glibc
import LabKit
import RuleTables
import Testing
@testable import Intake

@Suite("Datagrams come in at a socket that is ours alone")
struct DatagramReceiverTests {
    @Test("10,000 datagrams of a sender that waits are all counted, the same one again under one entry")
    func all() async throws {
        let lab = try DatagramLab()
        let receiver = try lab.receiver()
        let sender = DatagramSender(lab.path)
        let payloads = DatagramRows.captured.map { Array($0.utf8) }
        for number in 0..<10_000 { #expect(sender.send(payloads[number % payloads.count]) == 0) }
        receiver.stop()
        #expect(receiver.counts == .init(received: 10_000, unreadable: 0, lost: 0))
        let table = receiver.take()
        #expect(table.days.map(\.payloads.count) == [payloads.count])
        #expect(table.days.flatMap(\.payloads.values).reduce(0, +) == 10_000)
        #expect(receiver.take().days.isEmpty)
    }

    @Test("each counts for the day on which it came in")
    func days() async throws {
        let lab = try DatagramLab()
        let receiver = try lab.receiver()
        let sender = DatagramSender(lab.path)
        #expect(sender.send(DatagramRows.stsSuccess.utf8) == 0)
        try await Wait.until("the first") { receiver.counts.received == 1 }
        lab.clock.set(lab.clock.now + .seconds(86_400))
        #expect(sender.send(DatagramRows.stsSuccess.utf8) == 0)
        #expect(sender.send(DatagramRows.noPolicy.utf8) == 0)
        receiver.stop()
        #expect(
            await lab.sessions(receiver) == [
                "2026-11-23 example.com": 1, "2026-11-24 example.com": 1, "2026-11-24 example.org": 1,
            ])
    }

    @Test("a task that ends has counted what was queued, and the socket is gone")
    func running() async throws {
        let lab = try DatagramLab()
        let receiver = try lab.receiver()
        let counted = CapturedLog()
        let task = Task {
            await DatagramIntake(receiver).run(every: .milliseconds(1)) { datagram, _, times in
                for _ in 0..<times { counted.logger.info("\(datagram.domain)") }
            }
        }
        let sender = DatagramSender(lab.path)
        for _ in 0..<500 { #expect(sender.send(DatagramRows.twoPolicies.utf8) == 0) }
        task.cancel()
        await task.value
        #expect(counted.lines.count == 500)
        #expect(sender.send(DatagramRows.twoPolicies.utf8) == ENOENT)
        #expect(!FileManager.default.fileExists(atPath: lab.path))
        receiver.stop()
    }

    @Test("much at one time is read at once, not when its time has come")
    func waking() async throws {
        let lab = try DatagramLab()
        let receiver = try lab.receiver()
        let counted = CapturedLog()
        let task = Task {
            await DatagramIntake(receiver).run(every: .seconds(3600)) { datagram, _, _ in
                counted.logger.info("\(datagram.domain)")
            }
        }
        let sender = DatagramSender(lab.path)
        let padding = String(repeating: " ", count: 200_000)
        for number in 0..<60 {
            let datagram = #"{"d":"d\#(number).example","policies":[{"policy-type":9,"f":0}]}"# + padding
            #expect(sender.send(datagram.utf8) == 0)
        }
        try await Wait.until("the first are read") { !counted.lines.isEmpty }
        task.cancel()
        await task.value
        #expect(counted.lines.count == 60)
    }

    @Test("hostile datagrams are told of once, safely, and cost nothing else")
    func hostile() async throws {
        let lab = try DatagramLab()
        let receiver = try lab.receiver()
        let sender = DatagramSender(lab.path)
        let refused = ["\u{1B}[2J\n"] + DatagramRows.refused.map(\.datagram)
        for datagram in refused { #expect(sender.send(datagram.utf8) == 0) }
        #expect(sender.send([UInt8](repeating: 0xFF, count: DatagramReceiver.maxDatagramOctets)) == 0)
        #expect(sender.send([UInt8](repeating: 0x20, count: DatagramReceiver.maxDatagramOctets + 1)) == 0)
        #expect(sender.send(DatagramRows.stsSuccess.utf8) == 0)
        receiver.stop()
        // One is empty, one too long; the one of 0xFF is read and refused.
        #expect(receiver.counts == .init(received: refused.count + 1, unreadable: 2, lost: 0))
        #expect(await lab.sessions(receiver) == ["2026-11-23 example.com": 1])
        let lines = lab.log.lines.filter { !$0.contains("max_dgram_qlen") }
        #expect(lines.count == 2)
        #expect(lines.contains { $0.contains("cause=empty") })
        #expect(lines.contains { $0.hasSuffix(" octets=\(DatagramReceiver.maxDatagramOctets + 1)") })
        #expect(lines.allSatisfy { $0.utf8.allSatisfy { (0x20..<0x7F).contains($0) } })
    }

    @Test("a line names what is wrong and shows the datagram, printable")
    func sample() async throws {
        let lab = try DatagramLab()
        let receiver = try lab.receiver()
        let sender = DatagramSender(lab.path)
        for _ in 0..<3 { #expect(sender.send(Array("\u{1B}[2J\n".utf8) + [0xFF]) == 0) }
        #expect(sender.send(#"{"dpv":"9","d":"example.com","policies":[{"policy-type":9,"f":0}]}"#.utf8) == 0)
        receiver.stop()
        _ = await lab.sessions(receiver)
        let lines = lab.log.lines
        #expect(
            lines.contains {
                $0.hasSuffix(#"cause=no JSON that can be read datagram=\x1B[2J\x0A\xEF\xBF\xBD more_before=2"#)
            })
        #expect(lines.contains { $0.contains("cause=protocol version '9' is not '1' datagram={") })
    }

    @Test("the socket has its mode and group, and only a live one is left alone")
    func taking() throws {
        let lab = try DatagramLab()
        let first = try lab.receiver {
            $0.mode = 0o620
            $0.group = "\(getgid())"
        }
        var status = stat()
        #expect(lstat(lab.path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o620 && status.st_gid == getgid())
        #expect(throws: DatagramSocketError.alreadyServed(lab.path)) { try lab.receiver() }
        #expect(DatagramSender(lab.path).send(DatagramRows.noPolicy.utf8) == 0)
        first.stop()
        #expect(first.counts.received == 1)

        // What a crash leaves: a socket that nobody has open.
        let dead = try DatagramSocket(DatagramSettings(path: lab.path))
        dead.close()
        #expect(DatagramSender(lab.path).send(DatagramRows.noPolicy.utf8) == ECONNREFUSED)
        let second = try lab.receiver()
        #expect(DatagramSender(lab.path).send(DatagramRows.noPolicy.utf8) == 0)
        second.stop()
        #expect(second.counts.received == 1)
    }

    @Test("a stop leaves alone what another instance has put in its place")
    func successor() throws {
        let lab = try DatagramLab()
        let first = try lab.receiver()
        unlink(lab.path)
        let second = try lab.receiver()
        first.stop()
        #expect(DatagramSender(lab.path).send(DatagramRows.noPolicy.utf8) == 0)
        second.stop()
        #expect(second.counts.received == 1)
    }

    @Test("what is no socket is never removed, and each error says what to do")
    func errors() throws {
        let lab = try DatagramLab()
        try lab.folder.write("tlsrpt.sock", "mail")
        #expect(throws: DatagramSocketError.notASocket(lab.path)) { try lab.receiver() }
        #expect(try String(contentsOfFile: lab.path, encoding: .utf8) == "mail")
        let rows: [(String, String?)] = [
            ("/nowhere/tlsrpt.sock", nil), ("/" + String(repeating: "x", count: 107), nil), ("", nil),
            (lab.folder.path + "/new.sock", "no-such-group"),
        ]
        for (path, group) in rows {
            var text = ""
            do {
                let receiver = try lab.receiver {
                    $0.path = path
                    $0.group = group
                }
                receiver.stop()
            } catch { text = "\(error)" }
            #expect(text.contains("see to "))
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("a table that is full refuses what is new, and still counts what it knows")
    func bounded() {
        var table = DatagramTable()
        let day = UTCDay(daysSinceEpoch: 20_780)
        let known = DatagramTable.Payload([1])
        let size = 200_000
        var held = 0
        var isKnown = table.add(known, on: day)
        for number in 0..<1000 {
            let payload = DatagramTable.Payload(
                [UInt8(number % 256), UInt8(number / 256)] + [UInt8](repeating: 0, count: size))
            if table.add(payload, on: day) { held += 1 }
        }
        #expect(table.octets <= DatagramTable.maxOctets)
        #expect(held == (DatagramTable.maxOctets - 97) / (size + 98))
        isKnown = table.add(known, on: day) && isKnown
        #expect(isKnown)
        #expect(table.days.first?.payloads[known] == 2)
    }

    @Test("one line a minute of each kind, which says how many were held back")
    func warnings() {
        let log = CapturedLog()
        let time = Locked(ContinuousClock.now)
        let warnings = RateLimitedLog<DatagramWarning>(logger: log.logger) { time.withLock { $0 } }
        for second in 0..<125 {
            warnings.warn(.refused, ["n": "\(second)"])
            time.withLock { $0 += .seconds(1) }
        }
        warnings.warn(.odd, times: 5)
        #expect(log.lines.count == 4)
        #expect(log.lines[0].hasSuffix(" n=0"))
        #expect(log.lines[1].hasSuffix(" more_before=59 n=60"))
        #expect(log.lines[2].hasSuffix(" more_before=59 n=120"))
        #expect(log.lines[3].hasSuffix(" more_before=4"))
    }

    @Test("a short queue of the kernel is told of at the start, with the setting that cures it")
    func queue() throws {
        let folder = try TemporaryDirectory("sts-qlen")
        for (text, warns) in [
            ("10\n", true), ("99\n", true), ("100\n", false), ("512\n", false), ("x\n", false), ("", false),
        ] {
            let warning = DatagramQueue.warning(setting: try folder.write("qlen", text))
            #expect((warning != nil) == warns)
            if let warning { #expect(warning.contains("net.unix.max_dgram_qlen = 512")) }
        }
        #expect(DatagramQueue.warning(setting: folder.path + "/none") == nil)
    }
}
