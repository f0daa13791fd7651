// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
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
        }
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
