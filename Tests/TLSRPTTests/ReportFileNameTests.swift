// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing
@testable import TLSRPT

@Suite("The file name of a report - RFC 8460 §5.1")
struct ReportFileNameTests {
    @Test(
        "is read and written alike",
        arguments: [
            "mail.sndr.example.com!example.net!1470013207!1470186007!001.json.gz",
            "sender.example!example.net!1470013207!1470186007.json",
            "sender.example!xn--bcher-kva.example!0!86399!a1B.json",
        ])
    func roundTrip(_ text: String) {
        #expect(ReportFileName(text)?.description == text)
    }

    @Test(
        "is refused otherwise",
        arguments: [
            "", "a.example!b.example!1!2.xml", "a.example!b.example!1.json", "a.example!b.example!1!2!.json",
            "a.example!b.example!1!2!3!4.json", "a.example!b.example!-1!2.json", "a.example!b.example!1!2!../x.json",
            "../a!b.example!1!2.json", "a.example!b.example!99999999999999999999!2.json",
        ])
    func refused(_ text: String) {
        #expect(ReportFileName(text) == nil)
    }

    @Test("takes the period of a UTC day")
    func ofDay() throws {
        let name = ReportFileName(
            sender: try DomainName("sender.example"), policyDomain: try DomainName("Bücher.example"),
            range: .init(try #require(UTCDay("2016-08-01"))), uniqueID: "1", isCompressed: true)
        #expect(name?.description == "sender.example!xn--bcher-kva.example!1470009600!1470095999!1.json.gz")
    }
}

@Suite("Date and time - RFC 3339 §5.6")
struct DateTimeTests {
    @Test(
        "is read",
        arguments: [
            ("2016-04-01T00:00:00Z", "2016-04-01T00:00:00Z"), ("2016-04-01t00:00:00z", "2016-04-01T00:00:00Z"),
            ("2016-04-01 00:00:00", "2016-04-01T00:00:00Z"), ("2016-04-01T02:30:00+02:30", "2016-04-01T00:00:00Z"),
            ("2016-03-31T19:00:00-05:00", "2016-04-01T00:00:00Z"),
            ("2016-04-01T00:00:00.123456Z", "2016-04-01T00:00:00Z"),
            ("2016-03-31T24:00:00Z", "2016-04-01T00:00:00Z"), ("2016-03-31T23:59:60Z", "2016-04-01T00:00:00Z"),
        ])
    func valid(_ text: String, _ expected: String) {
        #expect(UTCTime(dateTime: text)?.description == expected)
    }

    @Test(
        "is refused",
        arguments: [
            "", "2016-04-01", "2016-04-01T00:00", "2016-13-01T00:00:00Z", "2016-04-31T00:00:00Z",
            "2016-04-01T25:00:00Z",
            "2016-04-01T00:60:00Z", "2016-04-01T00:00:00.Z", "2016-04-01T00:00:00+2:00", "2016-04-01T00:00:00ZZ",
            "2016-04-01T+1:00:00Z", "2016-04-01x00:00:00Z", "2016-04-01T00:00:00 UTC",
            "9999-12-31T23:59:59-00:01", "9999-12-31T24:00:00Z", "0000-01-01T00:00:00+00:01",
        ])
    func invalid(_ text: String) {
        #expect(UTCTime(dateTime: text) == nil)
    }
}
