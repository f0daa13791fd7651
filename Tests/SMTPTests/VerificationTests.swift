// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import TLS
import Testing
@testable import DNS
@testable import SMTP

@Suite("All that is wrong with a certificate is seen")
struct VerificationTests {
    @Test("Each fault has its kind and OpenSSL's word")
    func faults() async throws {
        typealias Kind = VerificationProblem.Kind
        let cases: [(String, [Kind], String?, Bool, (CertificateAuthority) throws -> Credential)] = [
            (
                "expired", [.expired], "certificate_has_expired", true,
                { try $0.issue(names: ["mx.example.lab"], validity: .expired) }
            ),
            (
                "not yet", [.untrusted], "certificate_is_not_yet_valid", true,
                { try $0.issue(names: ["mx.example.lab"], validity: .notYet) }
            ),
            (
                "self-signed", [.untrusted], "self-signed_certificate", true,
                { try $0.selfSigned(names: ["mx.example.lab"]) }
            ),
            ("other name", [], nil, false, { try $0.issue(names: ["other.example.lab"]) }),
            (
                "common name only", [], nil, false,
                { try $0.issue(names: ["mx.example.lab"], options: [.commonNameOnly]) }
            ),
            ("wildcard", [], nil, true, { try $0.issue(names: ["*.example.lab"]) }),
            ("wildcard above", [], nil, false, { try $0.issue(names: ["*.lab"]) }),
            ("part of a label", [], nil, false, { try $0.issue(names: ["m*.example.lab"]) }),
            (
                "purpose", [.untrusted], nil, true,
                { try $0.issue(names: ["mx.example.lab"], options: [.clientAuthenticationOnly]) }
            ),
            ("chain", [], nil, true, { try $0.intermediate().issue(names: ["mx.example.lab"]) }),
            (
                "old chain", [.expired], nil, true,
                { try $0.intermediate(validity: .expired).issue(names: ["mx.example.lab"]) }
            ),
        ]
        let lab = try StreamLab("127.1.5.1") { try $0.issue(names: ["mx.example.lab"]) }
        for (label, kinds, word, matches, issue) in cases {
            let credential = try issue(lab.authority)
            lab.host.change { $0.credential = credential }
            let session = try await lab.session()
            #expect(session.problems.map(\.kind) == kinds, "\(label): \(session.problems)")
            if let word { #expect(session.problems.first?.word == word, "\(label)") }
            #expect(session.nameMatches == matches, "\(label)")
        }
    }

    @Test("A chain that cannot be built hides nothing else")
    func several() async throws {
        let lab = try StreamLab("127.1.5.2") { try $0.issue(names: ["mx.example.lab"]) }
        let broken = try lab.authority.intermediate().issue(
            names: ["mx.example.lab"], validity: .expired, options: [.withoutIntermediate])
        lab.host.change { $0.credential = broken }
        let session = try await lab.session()
        #expect(Set(session.problems.map(\.kind)) == [.untrusted, .expired], "\(session.problems)")
        let stranger = try CertificateAuthority(commonName: "stranger").issue(names: ["mx.example.lab"])
        lab.host.change { $0.credential = stranger }
        #expect(Set(try await lab.session().problems.map(\.kind)) == [.untrusted])
    }

    @Test("TLSA records decide where they can be used")
    func dane() async throws {
        let lab = try StreamLab("127.1.5.3") { try $0.selfSigned(names: ["other.lab"]) }
        let key = try #require(lab.host.behaviour.credential?.tlsa311)
        let wrong = String(repeating: "0", count: 64)
        let cases: [(String, [TLSARecord], TLSSession.DANE)] = [
            ("own key", [Self.record(3, 1, 1, key)], .matched),
            ("own key among others", [Self.record(3, 1, 1, wrong), Self.record(3, 1, 1, key)], .matched),
            ("another key", [Self.record(3, 1, 1, wrong)], .mismatched),
            ("usages for the Web", [Self.record(1, 1, 1, key), Self.record(0, 1, 1, key)], .unusable),
            (
                "malformed", [Self.record(3, 1, 1, "abcd"), Self.record(3, 9, 9, key), Self.record(2, 0, 0, "00")],
                .unusable
            ),
        ]
        for (label, records, expected) in cases {
            let session = try await lab.session(tlsa: records)
            #expect(session.dane == expected, "\(label): \(session.problems)")
            #expect(session.problems.isEmpty == (expected == .matched), "\(label): \(session.problems)")
        }
    }

    @Test("DANE-TA wants the name as well, and needs no trust store")
    func trustAnchor() async throws {
        let lab = try StreamLab("127.1.5.4") { try $0.issue(names: ["mx.example.lab"]) }
        let below = try CertificateAuthority(commonName: "private").intermediate()
        for (names, expected) in [(["mx.example.lab"], TLSSession.DANE.matched), (["other.lab"], .mismatched)] {
            let credential = try below.issue(names: names)
            lab.host.change { $0.credential = credential }
            let session = try await lab.session(tlsa: [Self.record(2, 1, 1, below.tlsa211)])
            #expect(session.dane == expected, "\(names): \(session.problems)")
        }
    }

    @Test("DANE-TA takes the next hop's name, and a common name where there is no DNS-ID")
    func daneNames() async throws {
        let lab = try StreamLab("127.1.5.5") { try $0.issue(names: ["mx.example.lab"]) }
        let below = try CertificateAuthority(commonName: "private").intermediate()
        let hop = try DomainName("example.lab")
        typealias Row = (
            names: [String], commonName: String, options: Set<CertificateOption>, dane: TLSSession.DANE,
            isOfNextHop: Bool
        )
        let rows: [Row] = [
            (["mx.example.lab"], "any", [], .matched, false), (["*.example.lab"], "any", [], .matched, false),
            (["example.lab"], "any", [], .matched, true),
            (["mx.example.lab", "example.lab"], "any", [], .matched, false),
            (["other.lab"], "mx.example.lab", [], .mismatched, true),
            ([], "mx.example.lab", [.commonNameOnly], .matched, false),
            ([], "example.lab", [.commonNameOnly], .matched, true),
            ([], "other.lab", [.commonNameOnly], .mismatched, true),
        ]
        for row in rows {
            let credential = try below.issue(names: row.names, commonName: row.commonName, options: row.options)
            lab.host.change { $0.credential = credential }
            let session = try await lab.session(tlsa: [Self.record(2, 1, 1, below.tlsa211)], nextHop: hop)
            #expect(session.dane == row.dane, "\(row): \(session.problems)")
            #expect(session.isOfNextHop == row.isOfNextHop, "\(row)")
            // The records of the key itself bind no name.
            let own = try await lab.session(tlsa: [Self.record(3, 1, 1, credential.tlsa311)], nextHop: hop)
            #expect(own.dane == .matched && !own.isOfNextHop, "\(row): \(own.problems)")
            // Nor does any of it count without DANE. - RFC 8461 §4.2
            let plain = try await lab.session(nextHop: hop)
            #expect(plain.nameMatches == row.names.contains { $0.hasSuffix(".example.lab") }, "\(row)")
        }
    }

    @Test("Records that can be used are those that a connection takes")
    func usable() async throws {
        let lab = try StreamLab("127.1.5.6") { try $0.issue(names: ["mx.example.lab"]) }
        let context = try TLSContext(caFile: lab.authority.caFile)
        let key = try #require(lab.host.behaviour.credential?.tlsa311)
        let rows: [(TLSARecord, Bool)] = [
            (Self.record(3, 1, 1, key), true), (Self.record(2, 1, 1, key), true),
            (Self.record(3, 0, 2, key + key), true),
            (Self.record(0, 1, 1, key), false), (Self.record(1, 1, 1, key), false),
            (Self.record(255, 1, 1, key), false),
            (Self.record(3, 2, 1, key), false), (Self.record(3, 1, 3, key), false), (Self.record(3, 1, 2, key), false),
            (Self.record(3, 1, 1, key + key), false), (Self.record(2, 0, 0, "30820102"), false),
            (Self.record(2, 1, 0, "010203"), false), (Self.record(3, 0, 0, "010203"), false),
            (Self.record(3, 1, 0, "3000"), false), (Self.record(3, 1, 0, ""), false),
        ]
        for (record, isUsable) in rows {
            let usable = try context.usable([record], of: try DomainName("mx.example.lab"))
            #expect(usable == (isUsable ? [record] : []), "\(record)")
        }
    }

    @Test("A certificate by itself is matched by DNS-ID only")
    func der() throws {
        let authority = try CertificateAuthority()
        let name = try DomainName("mta-sts.example.lab")
        let cases: [([String], Bool)] = [
            (["mta-sts.example.lab"], true), (["*.example.lab"], true), (["example.lab"], false), (["*.lab"], false),
        ]
        for (names, expected) in cases {
            let pem = try String(
                contentsOfFile: try authority.issue(names: names, commonName: name.ascii).certificateFile,
                encoding: .utf8)
            let body = pem.split(separator: "\n").drop { !$0.contains("BEGIN") }.dropFirst().prefix {
                !$0.contains("END")
            }
            let der = try #require(Data(base64Encoded: body.joined()))
            #expect(certificate(der: Array(der), identifies: name) == expected, "\(names)")
        }
        #expect(!certificate(der: [], identifies: name))
    }

    @Test("A trust store that cannot be read is named")
    func trustStore() throws {
        for path in ["/nowhere/ca.pem", "/dev/null"] {
            let error = #expect(throws: TLSSetupError.self) { try TLSContext(caFile: path) }
            #expect(try #require(error).text.contains(path))
        }
        _ = try TLSContext(caFile: nil)
    }

    private static func record(_ usage: UInt8, _ selector: UInt8, _ matching: UInt8, _ hex: String) -> TLSARecord {
        let digits = hex.compactMap(\.hexDigitValue)
        let data = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        return TLSARecord(usage: usage, selector: selector, matchingType: matching, association: data)
    }
}
