// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import TestKit
import Testing

@Suite(
    "The pages in a browser",
    .enabled(if: Browser.isThere, "Chromium is not installed: Tests/lab/install pages"))
struct PageInBrowserScenarios {
    private static let gate = 115
    private static let root = "http://127.20.9.115:8462"
    private static let held = "held.example"
    private static let pages = ["/", "/domains", "/domain/\(held)", "/reports", "/own"]
    /// What anybody may write into a report about a domain of ours.
    private static let hostile = "<script>document.title='taken'</script><img src=x onerror=document.title='taken'>"

    private static let lab = Task {
        let lab = try await Lab.open()
        try lab.network.domain("good.example")
        try lab.network.domain(held, plain: true)
        let log = try TemporaryDirectory("sts-pages")
        let more = """
            [status]
            listen = "inet:8462@127.20.9.115"
            [intake]
            postfix_log = "\(try log.write("mail.log", ""))"

            """
        let daemon = try await lab.daemon(
            gate, MapLab.serving(gate) + more, before: MapLab.enforcing + "watch = [\"good.example\"]\n")
        #expect(try await lab.send(through: gate, to: "u@good.example").reply.isPositive)
        #expect(try await lab.send(through: gate, to: "u@\(held)").reply.code == 451)
        _ = try Command.run(
            ["postmap", "-c", lab.postfix.configuration, "-q", "good.example", MapLab.map(gate)])
        let today = UTCTime(secondsSinceEpoch: Int64(Date().timeIntervalSince1970)).day
        for domain in ["good.example", "other.example"] {
            for age: Int64 in [0, 1] {
                let report = report("\(domain)-\(age)", domain, today.advanced(by: -age))
                let taken = try daemon.command("report", "receive", try log.write("report.json", report))
                #expect(taken.status == 0, "\(taken)")
            }
        }
        return (daemon: daemon, log: log)
    }

    private static func report(_ id: String, _ domain: String, _ day: UTCDay) -> String {
        """
        {"organization-name": "\(hostile)", "contact-info": "tls@sender.example", "report-id": "\(id)",
        "date-range": {"start-datetime": "\(day.start)", "end-datetime": "\(day.end)"},
        "policies": [{"policy": {"policy-type": "sts", "policy-domain": "\(domain)"},
        "summary": {"total-successful-session-count": 100, "total-failure-session-count": 4},
        "failure-details": [{"result-type": "certificate-expired", "receiving-mx-hostname": "mx.\(domain)",
        "sending-mta-ip": "192.0.2.1", "failed-session-count": 4}]}]}
        """
    }

    /// Text and ground of each part that has text of its own, and how far apart they are; WCAG 2.1 §1.4.3 asks for 4.5.
    private static let faint = """
        (() => {
          const light = c => { const v = c.map(x => { x /= 255; return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4 });
            return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2] };
          const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const numbers = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data] };
          const ground = e => { for (; e; e = e.parentElement) { const c = numbers(getComputedStyle(e).backgroundColor);
            if (c[3] == 255) return c } return numbers("Canvas") };
          return [...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(n =>
              n.nodeType == 3 && n.data.trim()) && e.getClientRects().length).map(e => {
            const [a, b] = [numbers(getComputedStyle(e).color), ground(e)].map(c => light(c.slice(0, 3)));
            return { text: e.textContent.trim().slice(0, 40), ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
          }).filter(x => x.ratio < 4.5).map(x => x.text + " " + x.ratio.toFixed(2));
        })()
        """

    @Test("are whole on a phone and a wide screen, by day and by night, without a script or anything from elsewhere")
    func shown() async throws {
        _ = try await Self.lab.value
        let browser = try Browser()
        // Where pictures are to be left, for somebody to look at.
        let folder = ProcessInfo.processInfo.environment["STS_PICTURES"]
        for page in Self.pages {
            for width in [400, 1400] {
                for scheme in Browser.Scheme.allCases {
                    let place = "\(page) at \(width), \(scheme)"
                    try browser.open(Self.root + page, width: width, scheme: scheme)
                    #expect(browser.complaints.isEmpty, "\(place): \(browser.complaints)")
                    let needed = try browser.value(of: "document.documentElement.scrollWidth") as? Int ?? .max
                    #expect(needed <= width, "\(place)")
                    let faint = try browser.value(of: Self.faint) as? [String]
                    #expect(faint == [], "\(place)")
                    let active = try browser.value(
                        of: "document.querySelectorAll('script, img, iframe, object, [method=post]').length")
                    #expect(active as? Int == 0, "\(place)")
                    let resources = try browser.value(of: "performance.getEntriesByType('resource').map(r => r.name)")
                    let isOurs = try #require(resources as? [String]).allSatisfy { $0.hasPrefix(Self.root) }
                    #expect(isOurs, "\(place): \(resources ?? "")")
                    if let folder {
                        let name = page.split(separator: "/").joined(separator: "-")
                        let file = "\(folder)/\(name.isEmpty ? "home" : name)-\(width)-\(scheme).png"
                        try browser.picture().write(to: URL(fileURLWithPath: file))
                    }
                }
            }
        }
    }

    @Test("tell a screen reader what each part is, and let the keyboard come to each link")
    func read() async throws {
        _ = try await Self.lab.value
        let browser = try Browser()
        for page in Self.pages {
            try browser.open(Self.root + page, width: 1400, scheme: .light)
            let parts = try browser.parts()
            let roles = Set(parts.map(\.role))
            #expect(roles.isSuperset(of: ["main", "navigation", "heading", "link"]), "\(page): \(roles)")
            #expect(!parts.contains { ["link", "heading", "table"].contains($0.role) && $0.name.isEmpty }, "\(page)")
            #expect(try browser.value(of: "document.documentElement.lang") as? String == "en")
            let isReached = try browser.value(of: "[...document.links].every(l => l.tabIndex == 0)")
            #expect(isReached as? Bool == true, "\(page)")
            #expect(try browser.value(of: "document.querySelectorAll('h1').length") as? Int == 1, "\(page)")
            let names = try browser.value(of: "[...document.querySelectorAll('[id]')].map(e => e.id)") as? [String]
            #expect(names.map { Set($0).count == $0.count } == true, "\(page): \(names ?? [])")
        }
    }

    @Test("show what others write as text")
    func hostile() async throws {
        _ = try await Self.lab.value
        let browser = try Browser()
        try browser.open("\(Self.root)/own", width: 1400, scheme: .light)
        #expect(try browser.value(of: "document.title") as? String != "taken")
        let text = try #require(try browser.value(of: "document.body.innerText") as? String)
        #expect(text.contains(Self.hostile), "\(text)")
    }
}
