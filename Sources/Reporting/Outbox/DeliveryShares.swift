// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// By what deliveries share the places and the bounds of a day: names are free, registrable domains are not.
package struct DeliveryPlace: Sendable, Hashable {
    /// The registrable domain of the policy domain, whose owner asked for the report.
    package let source: String
    /// The registrable domain of the destination.
    package let site: String
    /// The destination's own host, or the domain whose mail it is.
    package let host: String

    package init(source: String, site: String, host: String) {
        self.source = source
        self.site = site
        self.host = host
    }

    package init(from domain: DomainName, to destination: ReportDestination) {
        self.init(source: domain.registrable.ascii, site: destination.site, host: destination.host)
    }
}

/// Chooses, among deliveries that are due, those that begin: nobody has more than a share of the places.
package struct DeliveryShares: Sendable {
    private let order: DeliveryOrder
    private var sources: [String: Int] = [:]
    private var sites: [String: Int] = [:]
    private var hosts: [String: Int] = [:]

    package init(_ order: DeliveryOrder) { self.order = order }

    /// Takes note of a delivery under way.
    package mutating func begin(_ place: DeliveryPlace) {
        sources[place.source, default: 0] += 1
        sites[place.site, default: 0] += 1
        hosts[place.host, default: 0] += 1
    }

    /// Whether one more delivery may begin there.
    package func admits(_ place: DeliveryPlace) -> Bool {
        sources[place.source, default: 0] < order.limitPerSource && sites[place.site, default: 0] < order.limitPerSite
            && hosts[place.host, default: 0] < order.limitPerHost
    }

    /// Those that have all that they may have.
    package var fullSources: [String] { sources.filter { $0.value >= order.limitPerSource }.map(\.key).sorted() }
    package var fullSites: [String] { sites.filter { $0.value >= order.limitPerSite }.map(\.key).sorted() }
    package var fullHosts: [String] { hosts.filter { $0.value >= order.limitPerHost }.map(\.key).sorted() }

    /// Turns there are.
    package static let turns = 0...12

    /// The turn of a delivery, by how many its source has had on that day. The first delivery of each source comes
    /// before the second of any. A source with thousands therefore waits behind all that have few.
    package static func turn(after count: Int) -> Int {
        min(Int.bitWidth - max(0, count).leadingZeroBitCount, turns.upperBound)
    }
}

/// How many reports of one day the names below one registrable domain may have sent to one destination: a record costs
/// its owner nothing, and the mailbox that it names may be somebody else's.
///
/// - Deviation: past these bounds a report is not sent.
package enum DeliveryBound {
    /// Reports to one mailbox, sub-addresses folded, or to one https host.
    package static let perDestination = 20
    /// Reports to all mailboxes and hosts below one registrable domain.
    package static let perSite = 100

    /// What is counted for a destination, each with its bound.
    package static func targets(of destination: ReportDestination) -> [(key: String, most: Int)] {
        [(destination.foldedKey, perDestination), ("site:" + destination.site, perSite)]
    }
}

extension ReportDestination {
    /// The registrable domain of the host, or the address that stands in its place.
    package var site: String { (try? DomainName(host))?.registrable.ascii ?? host }

    /// The same for all destinations that end in one mailbox, as far as can be seen, or at one host.
    package var foldedKey: String {
        switch self {
        case .mail(let mailbox):
            let name = mailbox.localPart.prefix { $0 != "+" }
            return "mailto:\((name.isEmpty ? mailbox.localPart[...] : name).lowercased())@\(mailbox.domain)"
        case .https(_, let host): return "https://\(host)"
        }
    }
}
