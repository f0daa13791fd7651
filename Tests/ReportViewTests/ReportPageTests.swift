// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import FoundationXML
import TLSRPT
import Testing
@testable import ReportView

@Suite("Reports as one HTML page")
struct ReportPageTests {
    private static func page(_ reports: [Report]) -> String {
        var form = ReportPage()
        for report in reports { #expect(form.add(report, from: "a.json") == "") }
        return form.end()
    }

    @Test("hold only our own elements, well formed, whatever the reports hold")
    func hostile() throws {
        let names = ["hostile.json", "rfc8460-appendix-b.json", "null-members.json", "times-without-zone.json"]
        let page = Self.page(try names.map(Fixture.report))
        let reader = ElementReader()
        let parser = XMLParser(data: Data(page.utf8))
        parser.delegate = reader
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        let known: Set<String> = [
            "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "h4", "p", "ul", "li", "b",
            "span",
            "br", "code", "article", "section", "figure", "figcaption", "div", "table", "caption", "thead", "tbody",
            "tr",
            "th", "td", "svg", "rect", "line", "text", "g", "desc",
        ]
        #expect(reader.elements.subtracting(known) == [])
        #expect(reader.attributes.filter { $0.hasPrefix("on") || ["href", "src", "style"].contains($0) } == [])
        #expect(reader.text.contains("</title><script>alert(1)</script>\\u{1B}]0;owned"))
        #expect(reader.text.contains("\\u{202E}gpj.exe\\u{9B}31m"))
        #expect(page.unicodeScalars.allSatisfy { $0.isVisible || $0 == "\n" })
    }

    @Test("refuse to load or run anything")
    func selfContained() {
        let page = Self.page([Sample.small])
        #expect(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""))
        #expect(!page.contains("url(") && !page.contains("@import"))
    }

    @Test("draw the days of several reports, with the figures in words")
    func days() throws {
        #expect(!Self.page([Sample.small]).contains("<figure>"))
        let day = try #require(UTCDay("2024-10-04"))
        let reports = [0, 1, 3, -200].map { Sample.report(kinds: 2, on: day.advanced(by: $0)) }
        let page = Self.page(reports)
        #expect(page.contains("<title>2024-10-07: 2 of 3 sessions failed (66.7 %)</title>"))
        #expect(page.contains("A bar for each day from 2024-10-04 to 2024-10-07"))
        #expect(page.contains("the last 92 days"))
        #expect(!Self.page([reports[0], reports[3]]).contains("<figure>"), "too far apart to compare")
    }

    @Test("stay small for a report without end, and empty for none")
    func sizes() {
        #expect(Self.page([Sample.report(kinds: 100_000)]).utf8.count < 30_000)
        #expect(Self.page([]).contains("0 reports of 0 senders"))
    }
}

/// Takes down the names of all elements and attributes, and the text.
private final class ElementReader: NSObject, XMLParserDelegate {
    var elements: Set<String> = []
    var attributes: Set<String> = []
    var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes members: [String: String] = [:]
    ) {
        elements.insert(name)
        attributes.formUnion(members.keys)
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}
