// SPDX-License-Identifier: Apache-2.0
import Basics

/// What can be asked for.
enum Route: Sendable, Hashable {
    case metrics, health, statusJSON, style
    case home, reports, own
    /// Domains whose names hold a text, after one of them.
    case domains(holding: String, after: String)
    case domain(DomainName)

    /// - Returns: nil for what there is not.
    init?(_ target: String) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let (path, query) = (parts[0], parts.count > 1 ? parts[1] : "")
        switch path {
        case "/metrics": self = .metrics
        case "/healthz": self = .health
        case "/status.json": self = .statusJSON
        case "/style.css": self = .style
        case "/": self = .home
        case "/reports": self = .reports
        case "/own": self = .own
        case "/domains": self = .domains(holding: Self.value("q", in: query), after: Self.value("after", in: query))
        default:
            guard path.hasPrefix("/domain/"), let domain = try? DomainName(path.dropFirst("/domain/".count)) else {
                return nil
            }
            self = .domain(domain)
        }
    }

    /// A parameter, as far as it can be part of a domain: nothing else needs to be read, or written into a link again.
    private static func value(_ name: String, in query: Substring) -> String {
        let field = query.split(separator: "&").first { $0.hasPrefix(name + "=") } ?? ""
        let text = field.dropFirst(name.count + 1).lowercased().utf8.filter { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        return String(decoding: text.prefix(DomainName.maxOctets), as: UTF8.self)
    }
}
