// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import Gzip
import Store
import TLSRPT
import Testing
@testable import Reporting

@Suite("Every report keeps the schema of RFC 8460 §4.4")
struct SchemaTests {
    private static let tool = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("schema/validate").path

    /// Complaints of the validator, empty if there are none.
    private func complaints(_ files: [URL]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [Self.tool] + files.map(\.path)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus == 0 ? "" : "exit code \(process.terminationStatus)\n\(text)"
    }

    @Test("each policy type with each result type, from the ledger to the octets that travel")
    func everyType() async throws {
        let site = try Site()
        let store = try site.store()
        let ledger = Ledger(store: store, clock: site.clock, logger: site.log.logger)
        for result in ResultType.allCases {
            let domain = try DomainName("\(result.rawValue).example")
            site.records.set(domain.ascii, rua: "mailto:tls@\(domain)")
            for policy in Self.policies(domain) {
                for details in Self.details(result) {
                    for isFailure in [true, false] {
                        ledger.record([
                            SessionCount(
                                day: site.day, domain: domain, policy: policy, isFailure: isFailure,
                                details: isFailure ? [details] : [])
                        ])
                    }
                }
            }
        }
        await ledger.flush()
        try await site.builder(store).build(site.day)
        try await site.sender(store).send(DeliveryOrder())
        #expect(site.carrier.carriages.count == ResultType.allCases.count)
        let files = try site.carrier.carriages.map { carriage in
            let file = site.file(carriage.report.fileName.description)
            try Data(decompress(carriage.report.body, limitBytes: 1 << 20)).write(to: file)
            return file
        }
        #expect(try complaints(files) == "")
    }

    private static func policies(_ domain: DomainName) -> [AppliedPolicy] {
        let lines = [
            "version: STSv1", "mode: enforce", "mx: *.\(domain)", "mx: mx.\(domain)", "max_age: 604800", "é\u{1}\"",
        ]
        return [
            .reported(
                ReportedPolicy(.sts, domain: domain.ascii, strings: lines, mxHosts: ["*.\(domain)", "mx.\(domain)"])),
            .sts(domain, nil),
            .reported(ReportedPolicy(.tlsa, domain: "mx.\(domain)", strings: ["3 1 1 00FF", "2 0 1 AB"])),
            .reported(ReportedPolicy(.tlsa, domain: "mx.\(domain)")),
            .reported(ReportedPolicy(.noPolicyFound, domain: domain.ascii)),
        ]
    }

    private static func details(_ type: ResultType) -> [FailureDetails] {
        [
            FailureDetails(type),
            FailureDetails(type, receivingMXHostname: "mx.example", receivingIP: "2001:db8::1", reasonCode: "r\u{7}é"),
            FailureDetails(
                type, sendingMTAIP: "192.0.2.1", receivingMXHostname: "mx.example", receivingMXHelo: "[mx]\r\nX",
                receivingIP: "192.0.2.2", additionalInformation: "https://info.example/", reasonCode: "why"),
        ]
    }

    @Test("a report that was cut keeps it as well")
    func cut() throws {
        let site = try Site()
        var tally = Tally(failures: 500)
        for number in 0..<500 {
            tally.details[
                FailureDetails(.dnssecInvalid, receivingIP: "192.0.2.\(number % 256)", reasonCode: "\(number)")] = 1
        }
        let results = DomainResults(
            domain: try DomainName("a.example"),
            policies: [PolicyResult(ReportedPolicy(.tlsa, domain: "mx.a.example"), tally)])
        let packed = try ReportMaker(Site.settings { $0.maxBodyBytes = 1000 }).pack(results, on: site.day)
        let file = site.file("cut.json")
        try Data(decompress(packed.body, limitBytes: 1 << 20)).write(to: file)
        #expect(try complaints([file]) == "")
    }

    @Test("and the validator does find what breaks it")
    func validatorWorks() throws {
        let site = try Site()
        let results = DomainResults(
            domain: try DomainName("a.example"),
            policies: [
                PolicyResult(ReportedPolicy(.sts, domain: "a.example", mxHosts: ["mx.example"]), Tally(failures: 1))
            ])
        let json = String(
            decoding: try ReportMaker(Site.settings()).report(of: results, on: site.day).json(), as: UTF8.self)
        let file = site.file("odd.json")
        func complaint(_ old: String, _ new: String) throws -> String {
            try Data(json.replacing(old, with: new).utf8).write(to: file)
            return try complaints([file])
        }
        #expect(try complaint("", "") == "")
        #expect(
            try complaint("\"contact-info\":\"tlsrpt@mta.example\"", "\"contact-info\":null").contains("contact-info"))
        #expect(try complaint("[\"mx.example\"]", "\"mx.example\"").contains("mx-host"))
        #expect(try complaint("\"sts\"", "\"x\"").contains("policy-type"))
        #expect(try complaint("session-count\":1", "session-count\":-1").contains("total-failure"))
        #expect(try complaint("{\"contact-info\"", "{\"report-id\":\"a@b\",\"contact-info\"").contains("twice"))
    }
}
