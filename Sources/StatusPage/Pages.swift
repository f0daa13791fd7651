// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import HTML
import Metrics
import Status

/// Answers each route.
struct Pages: Sendable {
    let source: any StatusSource

    func answer(_ route: Route) async -> Answer {
        switch route {
        case .metrics: Answer(.ok, OpenMetrics.contentType, OpenMetrics.text(await source.metrics()))
        case .health: await health()
        case .statusJSON: Self.json(await source.report())
        case .style: Answer(.ok, "text/css; charset=utf-8", pageStyle.html + statusStyle.html)
        case .home: HomePage(report: await source.report()).answer
        case .reports: ReportsPage(report: await source.report(), list: await source.reportList()).answer
        case .own: OwnPage(report: await source.ownDomains()).answer
        case .domains(let text, let after): await domains(holding: text, after: after)
        case .domain(let domain): DomainPage(report: await source.domain(domain)).answer
        }
    }

    private func domains(holding text: String, after: String) async -> Answer {
        let list = await source.domains(holding: text, after: after)
        return DomainsPage(list: list, query: text, now: Stamp(SystemClock().now)).answer
    }

    private func health() async -> Answer {
        if let obstacle = await source.obstacle() { return .text(.unavailable, obstacle) }
        return .text(.ok, "ok")
    }

    private static func json(_ report: StatusReport) -> Answer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts, numbers and lists of them cannot fail to be written.
        let text = (try? encoder.encode(report)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        return .json(text + "\n")
    }
}
