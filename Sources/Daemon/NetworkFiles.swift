// SPDX-License-Identifier: Apache-2.0
import Basics
import DNS
import Settings

/// The files that adapters read when they are made, by content: a reload makes new ones when a file has changed.
struct NetworkFiles: Equatable {
    /// Octets of a file that are looked at; a bundle of all public authorities has some 250,000.
    private static let limitBytes = 64 << 20

    /// What a file held; two files of one content are one.
    struct Content: Equatable {
        let bytes: Int
        let hash: Int
    }

    /// What names, routes, policies and hosts are looked at with; nil for a file that cannot be read.
    let ofLookups: [String: Content?]
    /// What reports are signed with.
    let ofReports: [String: Content?]

    init(_ settings: Settings) {
        var lookups = [settings.caFile]
        if settings.dns.forwarder == nil { lookups.append(settings.dns.resolverFile) }
        switch settings.dns.trustAnchor {
        case .none: break
        case .system: lookups.append(DNSSettings.systemTrustAnchorFile)
        case .file(let path): lookups.append(path)
        }
        ofLookups = Self.contents(of: lookups)
        ofReports = Self.contents(of: settings.reports.courier.dkim.map(\.keyFile))
    }

    private static func contents(of paths: [String]) -> [String: Content?] {
        Dictionary(paths.map { ($0, content(of: $0)) }) { first, _ in first }
    }

    private static func content(of path: String) -> Content? {
        guard let octets = try? RegularFile.read(path, limitBytes: limitBytes) else { return nil }
        var hasher = Hasher()
        octets.withUnsafeBytes { hasher.combine(bytes: $0) }
        return Content(bytes: octets.count, hash: hasher.finalize())
    }
}
