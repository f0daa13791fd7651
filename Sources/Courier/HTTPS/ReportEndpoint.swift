// SPDX-License-Identifier: Apache-2.0
import Basics

/// Where an https report goes, taken apart so that the host that is checked is the one that is dialled.
struct ReportEndpoint: Sendable, Hashable {
    let host: ServerHost
    let port: UInt16?
    /// With the query, from the first slash on.
    let path: String

    /// Takes what `ReportDestination` says of a URL.
    init?(url: String, host: String) {
        let scheme = "https://"
        guard url.hasPrefix(scheme) else { return nil }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let name = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        if let address = IPAddress(host) {
            self.host = .address(address)
        } else {
            guard let name = try? DomainName(host) else { return nil }
            self.host = .name(name)
        }
        port = authority.dropFirst(name.count).lastIndex(of: ":").flatMap { UInt16(authority[$0...].dropFirst()) }
        let tail = rest.dropFirst(authority.count)
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
    }

    var url: String { "https://\(host)\(port.map { ":\($0)" } ?? "")\(path)" }
}
