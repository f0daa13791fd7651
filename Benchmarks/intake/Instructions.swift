// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation
import Intake
import Logging
import Store

/// The readers alone on a fixed input, to be run under callgrind: its total by the number that is printed is what one line
/// or one datagram costs. The input is made before, by `bench-intake write`, which is not counted.
enum Instructions {
    private static let lines = 100_000
    private static let datagrams = 20_000

    static func log(_ input: String) throws {
        guard try LogBench.read(input) > 0 else { throw Failure("no session was read") }
        print("lines \(lines)")
    }

    /// Each of another domain, and each in the ledger.
    static func datagrams(_ input: String) async throws {
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let database = NSTemporaryDirectory() + "/bench-intake-\(getpid()).sqlite"
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: database + end) } }
        let store = try Store(path: database, logger: logger)
        let ledger = Ledger(store: store, clock: DatagramReceiving.Clock(), logger: logger)
        var all: [[UInt8]] = []
        var lines = try LineStream(path: input)
        while try lines.read({ all += $0.split(separator: 0x0A).map { Array($0) } }) {}
        let day = DatagramReceiving.Clock().now.day
        for (number, payload) in all.enumerated() {
            ledger.record(try TLSRPTDatagram(payload).sessionCounts(day: day))
            if number % 200 == 0 { await ledger.keepUp() }
        }
        guard await ledger.flush(), all.count == datagrams else { throw Failure("not all was counted") }
        try store.close()
        print("datagrams \(datagrams)")
    }

    /// Writes the input of one of the two.
    static func write(_ kind: String, _ path: String) throws {
        if kind == "log" {
            _ = try SampleLog.write(URL(fileURLWithPath: path), lines: lines)
            return
        }
        var text = Data()
        for number in 0..<datagrams { text.append(contentsOf: "\(datagram(number))\n".utf8) }
        try text.write(to: URL(fileURLWithPath: path))
    }

    /// As datagram-load.c makes them.
    private static func datagram(_ number: Int) -> String {
        let domain = "d\(number).example"
        let failure =
            #","failure-details":[{"c":\#(201 + number % 5),"s": "192.0.2.10","n": "mx1.\#(domain)","#
            + #""h": "250-mx1.\#(domain)\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250 STARTTLS","#
            + #""r": "203.0.113.\#(number % 250)","f": "self-signed_certificate"}],"t":1,"f":1}]}"#
        return #"{"dpv": "1","d": "\#(domain)","pr": "v=TLSRPTv1; rua=mailto:r@\#(domain)","policies":["#
            + #"{"policy-type":2,"policy-domain": "\#(domain)","policy-string":["version: STSv1","mode: enforce","#
            + #""mx: mx1.\#(domain)","mx: mx2.\#(domain)","max_age: 604800"],"#
            + #""mx-host":["mx1.\#(domain)","mx2.\#(domain)"]"#
            + (number % 2 == 1 ? failure : #","t":0,"f":0}]}"#)
    }
}
