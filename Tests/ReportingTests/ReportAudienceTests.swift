// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT
import Testing
@testable import Reporting

@Suite("Who gets a domain's report: its record and the operator's word - RFC 8460 §3")
struct ReportAudienceTests {
    private func audience(_ records: [String], never: [String] = []) throws -> ReportAudience {
        var list = NeverList()
        for text in never {
            let isAdded = list.add(text)
            #expect(isAdded)
        }
        return ReportAudience(
            .found(TLSRPTRecord.select(from: records)), for: try DomainName("a.example"), never: list)
    }

    private static let record = "v=TLSRPTv1; rua=mailto:50%25@b.example,https://c.example/x,ftp://d.example/"

    @Test(
        "is what is left of the record",
        arguments: [
            ([], ["mailto:50%25@b.example", "https://c.example/x"]), (["b.example"], ["https://c.example/x"]),
            (["mailto:50%25@b.example"], ["https://c.example/x"]),
            (["50%@b.example"], ["https://c.example/x"]),
            (["https://c.example/x"], ["mailto:50%25@b.example"]), (["b.example", "c.example"], nil),
            (["a.example"], nil),
        ] as [([String], [String]?)])
    func served(_ never: [String], _ destinations: [String]?) throws {
        let expected = try destinations.map {
            ReportAudience.served(
                try $0.map { try ReportDestination($0) }, unserved: ["ftp://d.example/ (neither mailto: nor https:)"])
        }
        #expect(try audience([Self.record], never: never) == expected ?? .unwanted)
    }

    @Test("is nobody, and it is said why")
    func nobody() throws {
        #expect(try audience(["v=spf1 -all"]) == .absent)
        #expect(try audience([Self.record, Self.record]) == .invalid("2 TLSRPTv1 records, exactly 1 is allowed"))
        #expect(
            try audience(["v=TLSRPTv1; rua=r@a.example"], never: ["a.example"])
                == .unservable("no destination that can be served: r@a.example (neither mailto: nor https:)"))
        let unavailable = ReportAudience(.unavailable("SERVFAIL"), for: try DomainName("a.example"), never: NeverList())
        #expect(unavailable == .unavailable("SERVFAIL"))
    }
}
