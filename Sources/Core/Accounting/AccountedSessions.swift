// SPDX-License-Identifier: Apache-2.0

/// What sessions of a log add to reports, and how many of them add nothing.
package struct AccountedSessions: Sendable {
    /// Why a session is in no report.
    package enum LeftOut: Sendable, Hashable, CaseIterable {
        case ownReport, noDomain, byAddress, otherHost, wayUnknown, refusalUnknown, notWanted, silent, inDatagrams

        /// What a person reads.
        package var reason: String {
            switch self {
            case .ownReport: "carried a report of ours"
            case .noDomain: "of no domain that is known"
            case .byAddress: "to a server known by its address alone: a content filter or relay of the site's own"
            case .otherHost: "to a server that is no MX host of the recipient's domain: by a relayhost or transport"
            case .wayUnknown: "to a server of which nobody knows whether it is an MX host: a lookup failed"
            case .refusalUnknown: "held by the MTA's table of TLS policies, it does not say why"
            case .notWanted: "without TLS, since the MTA is set to use none with the server"
            case .silent: "without a word of TLS: there was none that a policy asked for, or the MTA does not log it"
            case .inDatagrams: "counted by a datagram"
            }
        }
    }

    package private(set) var counts: [SessionCount] = []
    package private(set) var leftOut: [LeftOut: Int] = [:]

    mutating func add(_ counts: [SessionCount]) {
        if counts.isEmpty { leave(.silent) } else { self.counts += counts }
    }

    mutating func leave(_ reason: LeftOut, _ sessions: Int = 1) {
        if sessions > 0 { leftOut[reason, default: 0] += sessions }
    }

    /// Adds what was made of other sessions.
    package mutating func merge(_ other: AccountedSessions) {
        counts += other.counts
        leftOut.merge(other.leftOut, uniquingKeysWith: +)
    }

    package init() {}
}
