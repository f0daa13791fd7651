// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Status
@testable import StatusPage
import Testing

@Suite("The pages show what is, and no text of somebody else is anything but text")
struct PageTests {
    private static let routes: [String] = ["/", "/domains", "/domain/example.org", "/reports", "/own"]

    private func page(_ path: String, _ source: TableSource) async throws -> String {
        let answer = await Pages(source: source).answer(try #require(Route(path)))
        #expect(answer.status == .ok && answer.contentType == "text/html; charset=utf-8")
        return answer.body
    }

    @Test("a hostile policy, certificate or answer is shown escaped, wherever it goes", arguments: routes)
    func hostile(_ path: String) async throws {
        let html = try await page(path, .spoilt())
        #expect(!html.contains("<script") && !html.contains("<img") && !html.contains("\u{202E}"))
        #expect(!html.contains("onerror=alert(2)>"))
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "nothing of it is shown")
        // The markup is that of a harmless text: no quote has ended an attribute, no element has begun.
        let harmless = try await page(path, .spoilt("harmless"))
        #expect(Self.tags(html) == Self.tags(harmless))
    }

    /// The names of elements and attributes, in order.
    private static func tags(_ html: String) -> [String] {
        html.matches(of: /<\/?([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*\/?>/).map { tag in
            let attributes = tag.2.matches(of: /([a-z-]+)="/).map { String($0.1) }
            return "\(tag.1) \(attributes.joined(separator: " "))"
        }
    }

    @Test(
        "each page is whole XML, has one heading of the first degree, a language, a title and a way past the links",
        arguments: routes)
    func form(_ path: String) async throws {
        for source in [TableSource(), .spoilt("text")] {
            let html = try await page(path, source)
            let parser = try XMLChecker(html.replacing("<!DOCTYPE html>\n", with: ""))
            #expect(parser.count("h1") == 1 && parser.count("main") == 1 && html.contains("<title>"))
            #expect(html.contains("<html lang=\"en\">") && html.contains("<a class=\"skip\" href=\"#main\">"))
            #expect(parser.count("script") == 0 && parser.count("style") == 0 && !html.contains(" style="))
            // From here, and from nowhere else.
            for link in html.matches(of: /(?:href|src|action)="([^"]*)"/) {
                #expect(link.1.hasPrefix("/") && !link.1.hasPrefix("//") || link.1 == "#main", "\(link.1)")
            }
            #expect(parser.headless.isEmpty, "tables without heads: \(parser.headless)")
        }
    }

    @Test("the home page: held mail with reason and cure, or that there is none")
    func home() async throws {
        #expect(try await page("/", TableSource()).contains("No mail is held."))
        let html = try await page("/", .spoilt("word"))
        #expect(html.contains("<b>What to do:</b> word") && html.contains("<code>word</code> word"))
        for state in ["well", "look", "wrong"] { #expect(html.contains("<span class=\"word\">\(state)</span>")) }
    }

    @Test("the home page says that it is a dry run, before all else")
    func dryRun() async throws {
        var source = TableSource()
        #expect(try await !page("/", source).contains("dry run"))
        source.status.isDryRun = true
        let html = try await page("/", source)
        let said = try #require(html.firstRange(of: "dry run: on_violation = &quot;log&quot;"))
        let lights = try #require(html.firstRange(of: "<ul class=\"lights\">"))
        #expect(said.lowerBound < lights.lowerBound)
    }

    @Test("a note that a light says is shown once")
    func notes() async throws {
        var source = TableSource()
        source.status.notes = ["NOBODY guards deliveries", "2 policies of your own"]
        source.status.lights = [Light("deliveries", .bad, "NOBODY guards deliveries")]
        let html = try await page("/", source)
        #expect(html.ranges(of: "NOBODY guards deliveries").count == 1)
        #expect(html.contains("<p>2 policies of your own</p>"))
    }

    @Test("a domain: policy, hosts, sessions as a chart and as a table, reports")
    func domain() async throws {
        let html = try await page("/domain/example.org", .spoilt("word"))
        for part in ["<svg class=\"chart\"", "<details>", "<pre ", "in no pattern of the policy", "word</b>: word"] {
            #expect(html.contains(part), "\(part)")
        }
        #expect(try await page("/domain/example.org", TableSource()).contains("no mail to the domain was judged"))
    }

    @Test(
        "a policy that nobody fetched has its origin and its end, if it has one",
        arguments: [
            ("pinned", "2036-12-31", "a pin of the settings"), ("pinned", nil, "a pin of the settings"),
            ("preloaded", "2036-12-31T00:00:00Z", "the preload list"),
        ] as [(String, String?, String)])
    func unfetched(_ origin: String, _ until: String?, _ said: String) async throws {
        var source = TableSource.spoilt("word")
        source.one?.policy = DomainReport.Policy(
            mode: "enforce", id: "1", origin: origin, life: .until(until), mx: ["mx.example.org"], lines: [])
        let html = try await page("/domain/example.org", source)
        #expect(html.contains(said) && html.contains("until") == (until != nil))
        #expect(until.map { html.contains($0) } ?? true)
        #expect(!html.contains("fetched</dt>") && !html.contains("ends</dt>"))
    }

    @Test(
        "a store that cannot be read is said to be so, and nothing is said not to be there",
        arguments: ["/domains", "/reports", "/domain/example.org"])
    func unreadable(_ path: String) async throws {
        let source = TableSource(unreadable: "disk I/O error")
        let html = try await page(path, source)
        #expect(html.contains("<p class=\"failed\">The store cannot be read: disk I/O error</p>"))
        for text in ["No policy is stored", "No report was made yet", "None in the last days", "None were counted"] {
            #expect(!html.contains(text), "\(text)")
        }
    }

    @Test("own domains: trouble first, and what others report with host, cause, days and who told of it")
    func own() async throws {
        let empty = try await page("/own", TableSource())
        #expect(empty.contains("No domain is watched") && empty.contains("Nothing was reported"))
        let html = try await page("/own", .spoilt("word"))
        for part in ["<li class=\"failed\">word</li>", "2 of 10 sessions failed", "no host named"] {
            #expect(html.contains(part), "\(part)")
        }
        let first = try #require(html.firstRange(of: "<li class=\"failed\">"))
        let later = try #require(html.firstRange(of: "not looked at yet"))
        #expect(first.lowerBound < later.lowerBound)
    }

    @Test(
        "targets",
        arguments: [
            ("/", .home), ("/?x", .home), ("/reports", .reports), ("/own", .own), ("/style.css", .style),
            ("/domains", .domains(holding: "", after: "")),
            ("/domains?q=EX.am-ple_&after=b.example", .domains(holding: "ex.am-ple_", after: "b.example")),
            ("/domains?q=%3Cscript%3E\"'<>", .domains(holding: "3cscript3e", after: "")),
            ("/domain/", nil), ("/domain/..", nil), ("/domain/a/b", nil), ("/domain/%2e", nil), ("//", nil), ("", nil),
            ("/index.html", nil), ("/../metrics", nil),
        ] as [(String, Route?)])
    func targets(_ target: String, _ route: Route?) { #expect(Route(target) == route) }

    @Test("the style loads nothing, and knows dark, print and narrow screens")
    func style() async throws {
        let answer = await Pages(source: TableSource()).answer(.style)
        #expect(answer.contentType == "text/css; charset=utf-8")
        #expect(!answer.body.contains("url(") && !answer.body.contains("@import"))
        #expect(answer.body.contains("prefers-color-scheme:dark") && answer.body.contains("@media print"))
        #expect(answer.body.contains(":focus-visible"))
    }
}
