// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import RuleTables
import TLSRPT
import Testing
@testable import Intake

@Suite("Datagrams of libtlsrpt are read as RFC 8460 counts sessions")
struct DatagramReadingTests {
    private let today = UTCDay(daysSinceEpoch: 20_780)

    @Test("each datagram that Postfix 3.10 sent in the laboratory tells its session")
    func corpus() throws {
        let folder = sampleLogs("postfix-3.10")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".jsonl") }
        var lines: [String] = []
        for file in files.sorted() {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            for line in text.split(separator: "\n") {
                let datagram = try TLSRPTDatagram(line.utf8)
                #expect(datagram.remarks.isEmpty && datagram.record.hasPrefix("v=TLSRPTv1; rua=mailto:tlsrpt@"))
                lines += datagram.observedSessions(at: today.start).map { "\(file.prefix(2)) \(summary($0))" }
            }
        }
        #expect(lines == Self.expected)
    }

    @Test("captured datagrams give the counts, policies and details that they name")
    func captured() throws {
        let counts = try DatagramRows.captured.map { try TLSRPTDatagram($0.utf8).sessionCounts(day: today) }
        #expect(counts.map(\.count) == [1, 1, 1, 1, 2])
        let success = counts[0][0]
        #expect(success.domain.ascii == "example.com" && success.day == today)
        #expect(!success.isFailure && success.failure == nil)
        #expect(success.policy.reported.type == .known(.sts))
        #expect(success.policy.reported.strings.count == 5)
        #expect(success.policy.reported.mxHosts == ["mail.example.com", "*.example.net"])
        #expect(
            counts[1][0].failure
                == FailureDetails(
                    .certificateNotTrusted, sendingMTAIP: "192.0.2.10", receivingMXHostname: "mail.example.com",
                    receivingMXHelo: "mail.example.com", receivingIP: "203.0.113.5",
                    reasonCode: "self-signed_certificate"))
        #expect(counts[2][0].policy == .reported(ReportedPolicy(.noPolicyFound, domain: "example.org")))
        #expect(counts[2][0].failure?.type == .known(.starttlsNotSupported))
        #expect(
            counts[3][0].failure
                == FailureDetails(
                    .stsPolicyFetchError, additionalInformation: "https://info.example/x", reasonCode: "HTTP 503"))
        #expect(counts[4].map(\.isFailure) == [true, false])
        #expect(counts[4].map(\.domain.ascii) == ["example.com", "example.com"])
        #expect(counts[4][0].policy.reported.domain == "mail.example.com")
        // Two failures under one policy are one failed session.
        #expect(counts[4][0].failure?.type == .known(.tlsaInvalid))
        #expect(counts[4][0].failure?.additionalInformation == "data:,certificate-expired")
        #expect(throws: DatagramError.badDomain(.forbiddenCharacter)) { try TLSRPTDatagram(DatagramRows.escapes) }
    }

    @Test("however many failures a policy has, its details sum up to the failed sessions", arguments: 0...6)
    func sums(_ failures: Int) throws {
        let codes = [205, 202, 304, 204, 201, 999]
        let details = codes.prefix(failures).map { #"{"c":\#($0),"n":"mx.example.com","f":"x\#($0)"}"# }
        let policies = [1, 2, 9].flatMap { type in
            [0, 1].map { result in
                #"{"policy-type":\#(type),"failure-details":[\#(details.joined(separator: ","))],"t":2,"f":\#(result)}"#
            }
        }
        let datagram = try TLSRPTDatagram(
            #"{"d":"example.com","policies":[\#(policies.joined(separator: ","))]}"#.utf8)
        let counts = datagram.sessionCounts(day: today)
        #expect(counts.map(\.isFailure) == [false, true, false, true, false, true])
        // By their ranks: 201 comes before all certificates, 304 before it, and no reason is lost with the others.
        let first = [nil, 205, 202, 304, 304, 304, 304][failures]
        #expect(
            counts.filter(\.isFailure).allSatisfy {
                $0.failure?.reasonCode == (first.map { "x\($0)" } ?? "failure-not-named")
            })
    }

    @Test("what is odd is passed over, and said where it matters", arguments: DatagramRows.tolerated)
    func tolerated(_ text: String, remarks: [String]) throws {
        let datagram = try TLSRPTDatagram(text.utf8)
        #expect(
            datagram.sessionCounts(day: today) == [
                SessionCount(
                    day: today, domain: try DomainName("example.com"),
                    policy: .reported(ReportedPolicy(.noPolicyFound, domain: "example.com")), isFailure: false)
            ])
        #expect(datagram.remarks == remarks)
    }

    @Test("what cannot be read is refused with a reason that holds nothing of it", arguments: DatagramRows.refused)
    func refused(_ datagram: String, why: String) {
        var answer = ""
        do { _ = try TLSRPTDatagram(datagram.utf8) } catch { answer = "\(error)" }
        #expect(answer == why)
    }

    @Test("octets that are no UTF-8 do not cost the session")
    func invalidUTF8() throws {
        let text = Array(DatagramRows.stsFailure.utf8)
        let place = try #require(DatagramRows.stsFailure.utf8.firstIndex(of: UInt8(ascii: "_")))
        var broken = text
        broken[DatagramRows.stsFailure.utf8.distance(from: DatagramRows.stsFailure.utf8.startIndex, to: place)] = 0xFF
        let datagram = try TLSRPTDatagram(broken)
        #expect(datagram.policies.count == 1)
        #expect(datagram.domain.ascii == "example.com")
    }

    @Test("every failure code has its result type, and one that we do not know keeps its number")
    func codes() throws {
        let codes = [201, 202, 203, 204, 205, 301, 302, 303, 304, 305, 306]
        let types: [ResultType] = [
            .starttlsNotSupported, .certificateHostMismatch, .certificateNotTrusted, .certificateExpired,
            .validationFailure, .stsPolicyFetchError, .stsPolicyInvalid, .stsWebPKIInvalid, .tlsaInvalid,
            .dnssecInvalid,
            .daneRequired,
        ]
        for (code, type) in zip(codes, types) {
            #expect(try failure(code: code) == FailureDetails(type, reasonCode: "x"))
        }
        for code in [0, -1, 206, 901, Int.max] {
            #expect(try failure(code: code) == FailureDetails(.validationFailure, reasonCode: "code-\(code)"))
        }
    }

    @Test("the greeting is one line without its code, made printable")
    func greeting() throws {
        let rows = [
            (#"250-mx.example.com\r\n250 STARTTLS"#, "mx.example.com"), (#"250 mx.example.com"#, "mx.example.com"),
            (#"mx.example.com Hello\nSIZE"#, "mx.example.com Hello"), ("250", "250"), ("25x-a", "25x-a"), ("", ""),
            (#"250-\u001b[2Jä"#, #"\x1B[2J\xC3\xA4"#), (#"250-\r\n"#, ""),
        ]
        for (sent, kept) in rows { #expect(try failure(helo: sent)?.receivingMXHelo == kept) }
        #expect(try failure(helo: String(repeating: "a", count: 9000))?.receivingMXHelo?.utf8.count == 103)
    }

    @Test("names and addresses have their one form, whoever wrote them, and what is none is left out")
    func names() throws {
        let text = #"""
            {"d":"Upper.EXAMPLE.","policies":[{"policy-type":2,"policy-domain":"Upper.EXAMPLE","mx-host":
            ["MX1.Upper.Example.","*.Bücher.EXAMPLE","no name","mx_2.example"],"failure-details":[
            {"c":202,"n":"mx1.UPPER.EXAMPLE.","r":"2001:DB8:0::1","s":"192.0.2.1"},
            {"c":202,"n":"Mx_1.bücher.example","r":"192.0.2.300","s":"fe80::1%eth0"},{"c":202,"n":"[192.0.2.1]"}],"f":1}]}
            """#
        let datagram = try TLSRPTDatagram(text.utf8)
        let count = try #require(datagram.sessionCounts(day: today).first)
        #expect(count.domain.ascii == "upper.example")
        #expect(count.policy.reported.domain == "upper.example")
        #expect(count.policy.reported.mxHosts == ["mx1.upper.example", "*.xn--bcher-kva.example"])
        #expect(
            datagram.policies.first?.details == [
                FailureDetails(
                    .certificateHostMismatch, sendingMTAIP: "192.0.2.1", receivingMXHostname: "mx1.upper.example",
                    receivingIP: "2001:db8::1"),
                FailureDetails(.certificateHostMismatch, receivingMXHostname: "mx_1.xn--bcher-kva.example"),
                FailureDetails(.certificateHostMismatch),
            ])
    }

    @Test("a policy and its details are cut to their bounds")
    func bounds() throws {
        let label = String(repeating: "m", count: 60)
        let name = Array(repeating: label, count: 4).joined(separator: ".")
        let lines = Array(repeating: #""\#(name)""#, count: 100).joined(separator: ",")
        let details = (0..<1000).map { #"{"c":205,"f":"\#($0)\#(String(repeating: "x", count: 300))"}"# }
        let policy =
            #"{"policy-type":2,"policy-string":[\#(lines)],"mx-host":[\#(lines)],"failure-details":[\#(details.joined(separator: ","))],"f":1}"#
        let datagram = try TLSRPTDatagram(#"{"d":"example.com","policies":[\#(policy)]}"#.utf8)
        let count = try #require(datagram.sessionCounts(day: today).first)
        #expect(count.policy.reported.strings.count == 67 && count.policy.reported.mxHosts.count == 67)
        #expect(datagram.policies.first?.details.count == TLSRPTDatagram.maxDetails)
        #expect(count.failure.map { ($0.reasonCode?.utf8.count ?? 0) <= SessionCount.maxTextOctets } == true)
    }

    @Test("cut at any octet, a datagram is refused, not half read")
    func truncation() {
        for text in DatagramRows.captured {
            let octets = Array(text.utf8)
            for length in 0..<octets.count {
                #expect(throws: DatagramError.self) { try TLSRPTDatagram(octets[..<length]) }
            }
        }
    }

    private func failure(code: Int = 205, helo: String = "mx") throws -> FailureDetails? {
        let helo = code == 205 && helo != "mx" ? #","h":"\#(helo)""# : ""
        let text =
            #"{"d":"a.example","policies":[{"policy-type":9,"failure-details":[{"c":\#(code)\#(helo),"f":"x"}],"f":1}]}"#
        return try TLSRPTDatagram(text.utf8).policies.first?.details.first
    }

    private func summary(_ session: ObservedSession) -> String {
        let words: [String?] =
            switch session.result {
            case .failed(let type, let reason):
                [session.host?.ascii, session.address?.description, type.rawValue, reason]
            case .verified: ["success"]
            case .trusted, .untrusted, .plaintext, .notWanted, .refusedByMap: ["success without policy"]
            }
        return ([session.domain?.ascii] + words).compactMap { $0 }.joined(separator: " ")
    }
}
