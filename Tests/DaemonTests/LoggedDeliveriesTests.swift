// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import TestKit
import Testing
@testable import Daemon

@Suite("The deliveries of a log are summed by domain, within bounds")
struct LoggedDeliveriesTests {
    private let now = UTCTime(secondsSinceEpoch: 1_790_000_000)

    private func session(_ domain: String?, _ host: String?, address: String? = nil, port: UInt16? = 25) throws
        -> ObservedSession
    {
        var session = ObservedSession(
            source: .postfixLog, time: now, domain: try domain.map { try DomainName($0) },
            host: try host.map { try DomainName($0) }, address: address.flatMap { IPAddress(literal: $0) },
            result: .verified, queueID: nil)
        session.port = port
        return session
    }

    @Test("relays by address or port and mail of no domain are counted apart")
    func kinds() throws {
        var logged = LoggedDeliveries()
        logged.add(try session("a.example", "mx1.a.example"))
        logged.add(try session("a.example", "mx2.a.example"))
        logged.add(try session("a.example", nil))
        logged.add(try session("b.example", "mx.b.example", port: 10_025))
        logged.add(try session("b.example", nil, address: "192.0.2.1"))
        logged.add(try session(nil, "mx.c.example"))
        #expect(logged.sessions == 6 && logged.ownServers == 2 && logged.withoutDomain == 1)
        let name = try DomainName("a.example")
        #expect(logged.domains.keys.map(\.ascii) == ["a.example"])
        #expect(logged.domains[name]?.deliveries == 3 && logged.domains[name]?.hosts.count == 2)
        #expect(logged.days == now.day...now.day)
    }

    @Test("a log with more domains, or hosts, than are told apart is summed")
    func bounds() throws {
        var logged = LoggedDeliveries()
        for number in 0..<(LoggedDeliveries.maxDomains + 50) {
            logged.add(try session("d\(number).example", nil))
        }
        #expect(logged.domains.count == LoggedDeliveries.maxDomains && logged.pastBound == 50)
        for number in 0..<100 { logged.add(try session("d1.example", "mx\(number).example")) }
        let one = try #require(logged.domains[try DomainName("d1.example")])
        #expect(one.deliveries == 101 && one.hosts.count == LoggedDeliveries.maxHosts)
    }

    @Test("lines of any length and octets are read without a session")
    func hostile() throws {
        let files = try TemporaryDirectory("sts-logged")
        let path = files.path + "/log"
        let prefix = "2026-11-23T20:13:57Z mta postfix/smtp[1]: "
        var log = [UInt8](repeating: 0x41, count: 1 << 20) + [0x0A] + [UInt8](0...255)
        let long = String(repeating: "x", count: 60_000)
        log += Array("\n\(prefix)A1: to=<u@\(long)>, relay=mx.\(long)[192.0.2.1]:25, status=sent (ok)\n".utf8)
        log += Array("\(prefix)A2: to=<u@\u{1b}[31m.example>, relay=m\u{1b}x[192.0.2.1]:25, status=sent (ok)\n".utf8)
        try Data(log).write(to: URL(fileURLWithPath: path))
        var logged = LoggedDeliveries()
        try logged.read(path, as: .postfixLog, reading: .init()) { _ in }
        #expect(logged.domains.isEmpty)
        #expect(logged.remarks.contains { $0.contains("lines over 65536 octets were passed over") })
        for remark in logged.remarks { #expect(remark.utf8.allSatisfy { (0x20..<0x7F).contains($0) }, "\(remark)") }
    }

    @Test("datagrams are no log, and a file that is none says so")
    func noLog() throws {
        var logged = LoggedDeliveries()
        #expect(throws: IntakeReadingError.self) { try logged.read("/etc", as: .postfixLog, reading: .init()) { _ in } }
        #expect(throws: IntakeReadingError.self) {
            try logged.read("/dev/null", as: .datagram, reading: .init()) { _ in }
        }
        try logged.read("/dev/null", as: .sendmailLog, reading: .init()) { _ in }
        #expect(logged.remarks.count == 1 && logged.remarks[0].contains("no session with a mail server found"))
    }
}
