// SPDX-License-Identifier: Apache-2.0
import Basics
import Discovery
import LabKit
import Testing

// Serialized: every test runs servers of its own, and hundreds of them at once exhaust descriptors.
@Suite("RFC 8461 §3.1: the TXT record in the DNS", .serialized)
struct RecordTests {
    static let announced: [([DNSRecord], String?)] = [
        ([.txt("v=STSv1; id=20260101T000000;")], "20260101T000000"),
        ([.txt(["v=STSv1; id=2026", "0101;"])], "20260101"),
        ([.txt("v=STSv1; id=a1;"), .txt("v=spf1 -all")], "a1"),
        ([.txt("v=STSv1; id=a1;"), .txt("v=STSv10; id=b2;")], "a1"),
        ([.txt("v=STSv1; id=a1;"), .raw(.txt, [3, 0xFF, 0xFE, 0x00])], "a1"),
        ([.txt("v=STSv1; id=a1;"), .txt("v=STSv1; id=a2;")], nil),
        ([.txt("v=STSv1;")], nil),
    ]

    @Test(arguments: announced.indices)
    func oneRecordAnnouncesAPolicy(_ index: Int) async throws {
        let (records, id) = Self.announced[index]
        let world = try World()
        world.names.set("_mta-sts.example.lab", records)
        let finding = await (try world.discoverer()).record(for: try DomainName("example.lab"))
        switch finding {
        case .found(.record(let record)): #expect(record.id == id)
        case .found(.invalid): #expect(id == nil)
        case .found(.absent), .unavailable, .notAsked: Issue.record("\(finding)")
        }
    }

    @Test func theRecordMayStandBehindAnAlias() async throws {
        let world = try World()
        world.names.set("_mta-sts.example.lab", .cname("_mta-sts.provider.lab"))
        world.names.set("_mta-sts.provider.lab", .txt("v=STSv1; id=p1;"))
        let finding = await (try world.discoverer()).record(for: try DomainName("example.lab"))
        guard case .found(.record(let record)) = finding else { throw LabError("\(finding)") }
        #expect(record.id == "p1")
    }

    static let absences: [DNSFault] = [.nxdomain, .nodata]

    @Test(arguments: absences)
    func anAbsentRecordAnnouncesNone(_ fault: DNSFault) async throws {
        let world = try World()
        world.names.fail("_mta-sts.example.lab", nil, fault)
        #expect(await (try world.discoverer()).record(for: try DomainName("example.lab")) == .found(.absent))
    }

    @Test func otherTextsAnnounceNone() async throws {
        let world = try World()
        world.names.set("_mta-sts.example.lab", .txt("v=spf1 -all"), .txt(""))
        #expect(await (try world.discoverer()).record(for: try DomainName("example.lab")) == .found(.absent))
    }

    static let failures: [(DNSFault, String)] = [
        (.servfail, "TXT at _mta-sts.example.lab: DNS server failure"),
        (.silent, "TXT at _mta-sts.example.lab: DNS query timed out"),
    ]

    @Test(arguments: failures.indices)
    func aFailingDNSIsNeverAbsence(_ index: Int) async throws {
        let (fault, text) = Self.failures[index]
        let world = try World()
        world.names.fail("_mta-sts.example.lab", nil, fault)
        let timeout: Duration = fault == .silent ? .milliseconds(500) : .seconds(20)
        let finding = await (try world.discoverer { $0.dnsTimeout = timeout }).record(
            for: try DomainName("example.lab"))
        #expect(finding == .unavailable(text))
    }

    @Test func aForgedAnswerIsNeverAbsence() async throws {
        let world = try World(trustAnchor: World.anchor(for: "lab."))
        world.names.set("_mta-sts.example.lab", .txt("v=STSv1; id=forged;"))
        let finding = await (try world.discoverer()).record(for: try DomainName("example.lab"))
        guard case .unavailable(let text) = finding else { throw LabError("\(finding)") }
        #expect(text.contains("DNSSEC validation failed"))
    }
}
