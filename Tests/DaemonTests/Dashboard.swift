// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A dashboard of Grafana's, as far as ours uses what it can have.
struct Dashboard: Decodable {
    struct Source: Decodable { let type, uid: String }

    struct Variable: Decodable {
        let name, type: String
        let datasource: Source?
        let definition: String?
    }

    struct Place: Decodable {
        let x, y, w, h: Int

        /// The cells of the grid that it covers, of which a row has 24.
        var cells: [[Int]] { (y..<y + h).flatMap { row in (x..<x + w).map { [row, $0] } } }
    }

    struct Target: Decodable {
        let refId, expr, legendFormat: String

        /// The names of all selectors, with the labels by which each selects.
        var selectors: [(metric: String, labels: Set<String>)] {
            expr.matches(of: /([a-z_]+)\{([^}]*)\}/).map { found in
                (String(found.1), Set(found.2.matches(of: /(\w+)(?:=~|!=|!~|=)"/).map { String($0.1) }))
            }
        }

        /// The labels that are left of a sum, or of another aggregation; nil where nothing is aggregated.
        var grouping: Set<String>? {
            guard expr.contains(/\b(sum|min|max|count|avg)\b/) else { return nil }
            let labels = expr.matches(of: /\bby \(([^)]*)\)/).flatMap { $0.1.split(separator: ",") }
            return Set(labels.map { $0.trimmingCharacters(in: .whitespaces) })
        }

        /// The labels that the legend shows.
        var legend: Set<String> { Set(legendFormat.matches(of: /\{\{(\w+)\}\}/).map { String($0.1) }) }
    }

    struct Panel: Decodable {
        struct FieldConfig: Decodable {
            struct Defaults: Decodable { let unit: String }
            let defaults: Defaults
        }
        struct Link: Decodable { let url: String }

        let id: Int
        let type, title: String
        let gridPos: Place
        let datasource: Source?
        let targets: [Target]?
        let fieldConfig: FieldConfig?
        let links: [Link]?
    }

    struct Templating: Decodable { let list: [Variable] }

    let schemaVersion: Int
    let panels: [Panel]
    let templating: Templating

    init(file: URL) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
    }

    /// All but the rows, which are headings.
    var drawn: [Panel] { panels.filter { $0.type != "row" } }
    var targets: [Target] { drawn.flatMap { $0.targets ?? [] } }
}
