// SPDX-License-Identifier: Apache-2.0
import RuleTables
import Testing
@testable import TLSRPT

@Suite("The record that asks for reports - RFC 8460 §3")
struct TLSRPTRecordTests {
    @Test(
        "gives the destinations of a valid record",
        arguments: TLSRPTRecordTable.valid)
    func valid(_ text: String, _ expected: [String]) throws {
        guard case .record(let record) = TLSRPTRecord.select(from: [text]) else {
            Issue.record("not a record: \(text)")
            return
        }
        #expect(record.destinations.map(\.description) == expected)
    }

    @Test("names each URI that cannot be served, with the reason", arguments: TLSRPTRecordTable.unservable)
    func unservable(_ text: String, _ reasons: String) throws {
        guard case .record(let record) = TLSRPTRecord.select(from: [text]) else {
            Issue.record("not a record: \(text)")
            return
        }
        #expect(record.destinations == [])
        #expect(record.unserved.joined(separator: ", ") == reasons)
    }

    @Test(
        "is absent when no record has the version",
        arguments: TLSRPTRecordTable.absent)
    func absent(_ records: [String]) {
        #expect(TLSRPTRecord.select(from: records) == .absent)
    }

    @Test(
        "is invalid without exactly one record that has a rua",
        arguments: TLSRPTRecordTable.invalid)
    func invalid(_ records: [String]) {
        guard case .invalid = TLSRPTRecord.select(from: records) else {
            Issue.record("not invalid: \(records)")
            return
        }
    }

    @Test("discards other records")
    func others() {
        let records = ["v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@example.com", "google-site-verification=x"]
        guard case .record = TLSRPTRecord.select(from: records) else {
            Issue.record("not a record")
            return
        }
    }

    @Test("bounds destinations and names what it cannot serve safely")
    func bounded() throws {
        let many = (0..<100).map { "mailto:a\($0)@example.com,bad\u{1b}\($0)" }.joined(separator: ",")
        guard case .record(let record) = TLSRPTRecord.select(from: ["v=TLSRPTv1; rua=" + many]) else {
            Issue.record("not a record")
            return
        }
        #expect(record.destinations.count == TLSRPTRecord.maxDestinations)
        #expect(record.unserved.count == TLSRPTRecord.maxUnserved)
        #expect(record.unserved.first == "bad\\x1B0 (neither mailto: nor https:)")
        let few = (0...10).map { "mailto:a\($0)@example.com" }.joined(separator: ",")
        guard case .record(let record) = TLSRPTRecord.select(from: ["v=TLSRPTv1; rua=" + few]) else {
            Issue.record("not a record")
            return
        }
        #expect(record.unserved == ["mailto:a10@example.com (past the first 10)"])
        let one = "v=TLSRPTv1; rua=" + few.replacing(",mailto:", with: "%2C")
        #expect(TLSRPTRecord.select(from: [one]) == .record(record))
    }
}

@Suite("A destination of reports - RFC 8460 §3, RFC 6068, RFC 3986")
struct ReportDestinationTests {
    @Test(
        "reads what a report can be sent to",
        arguments: TLSRPTRecordTable.destinations)
    func valid(_ uri: String, _ expected: String) throws {
        let destination = try ReportDestination(uri)
        #expect(destination.description == expected)
        #expect(try ReportDestination(expected) == destination, "read again it is another")
    }

    @Test(
        "refuses all else",
        arguments: TLSRPTRecordTable.refused)
    func invalid(_ uri: String) {
        #expect(throws: ReportDestination.Refusal.self) { try ReportDestination(uri) }
    }

    @Test("knows the host of an URL in one form")
    func host() throws {
        #expect(
            try ReportDestination("https://Example.COM:8443/x")
                == .https(url: "https://Example.COM:8443/x", host: "example.com"))
        #expect(
            try ReportDestination("https://[2001:DB8:0::1]/")
                == .https(url: "https://[2001:DB8:0::1]/", host: "2001:db8::1"))
    }
}
