// SPDX-License-Identifier: Apache-2.0
import Basics

/// The hosts of a secure route, sorted by what the DNS says of their TLSA records.
struct TLSASurvey {
    /// With records by which TLS can be authenticated.
    private(set) var usable: [MXHost] = []
    /// With records of which none can be used: TLS without authentication.
    private(set) var unusable: [MXHost] = []
    /// Without records.
    private(set) var absent: [MXHost] = []
    /// With records that are forged or cannot be looked up.
    private(set) var unknownHosts: [MXHost] = []
    /// Why a host's records are not known, the gravest first.
    private var bogus: String?
    private var unknown: String?
    private(set) var unreachable: String?

    init(_ route: Route, _ statuses: [DANEStatus]) {
        for (host, status) in zip(route.candidates, statuses) {
            switch status {
            case .usable: usable.append(host)
            case .unusable: unusable.append(host)
            case .absent: absent.append(host)
            case .bogus(let text):
                bogus = bogus ?? text
                unknownHosts.append(host)
            case .unknown(let text):
                unknown = unknown ?? text
                unknownHosts.append(host)
            case .unreachable(let text): unreachable = unreachable ?? text
            }
        }
    }

    /// Hosts that no TLSA record authenticates.
    var open: [MXHost] { unusable + absent }

    /// What keeps the records of a host that could be dialled from being known; nil if nothing does.
    var failure: MapAnswer? {
        bogus.map { .bogus("TLSA records fail DNSSEC validation: \($0)") } ?? unknown.map(Self.unknown)
    }

    /// As ``failure``, also where no host can be dialled.
    var anyFailure: MapAnswer? { failure ?? unreachable.map(Self.unknown) }

    private static func unknown(_ text: String) -> MapAnswer {
        .temporary("TLSA records could not be looked up: \(text)")
    }
}

/// What the TLSA records of a secure route's hosts mean for the whole, since a destination has one level for all of them.
///
/// - RFC 7672 §2.2: TLS Discovery.
extension MapQuestion {
    /// - Parameter answer: what the policy alone would have said.
    /// - Returns: nil where DANE says nothing, and the policy may.
    func weigh(_ survey: TLSASurvey, _ known: Known, _ answer: MapAnswer) -> Step<MapAnswer>? {
        guard case .enforce(let cached, _) = answer else {
            return levelWithoutPolicy(survey, answer).map { .answer($0) }
        }
        let others = survey.open.filter { cached.policy.covers($0.name) }
        guard !survey.usable.isEmpty else {
            // A host whose address cannot be looked up is none that the MTA could dial, as long as there are others.
            // - RFC 7672 §2.1.2: DNS Error Handling.
            let failure = survey.open.isEmpty ? survey.anyFailure : survey.failure
            if let failure { return .answer(failure) }
            return survey.anyFailure.map { failure in
                .answer(others.isEmpty ? failure : .enforce(cached, .only(others.map(\.name))))
            }
        }
        guard !others.isEmpty, survey.failure == nil, settings.probesHosts else {
            return .answer(.dane(besides: answer))
        }
        // No level holds one host to DANE and another to the policy. As long as a host with records may be up, these
        // alone count; when none is, mail goes to the others by the policy, which must not let the first in by another
        // proof. - RFC 8461 §2: Related Technologies.
        let seen = survey.usable.map { known.evidence?.hosts[$0] }
        if seen.contains(where: { $0?.maySpeakDANE ?? false }) { return .answer(.dane(besides: answer)) }
        guard seen.allSatisfy({ $0 != nil }) else {
            let isOpen = known.late == nil && !known.areHostsAsked
            return isOpen ? .need(.hosts) : .answer(.dane(besides: answer))
        }
        return .answer(.enforce(cached, .only(others.map(\.name))))
    }

    /// Where no policy asks for more, each host is used by what it has, which the MTA sees for itself.
    private func levelWithoutPolicy(_ survey: TLSASurvey, _ answer: MapAnswer) -> MapAnswer? {
        if survey.open.isEmpty {
            if !survey.usable.isEmpty { return .dane(besides: answer) }
            return survey.anyFailure
        }
        let isPlain = survey.usable.isEmpty && survey.unusable.isEmpty && survey.anyFailure == nil
        return isPlain ? nil : .daneWherePresent(besides: answer)
    }
}

extension HostEvidence {
    /// Whether a host that has usable TLSA records may be there to be held to them: it kept them, failed them, or nobody
    /// knows them any more. One that does not come to TLS takes no mail under any of the levels.
    fileprivate var maySpeakDANE: Bool {
        switch self {
        case .conforming, .unresolved: true
        case .failing(let failures, _): failures.contains { $0.type.isDANE }
        case .unreachable, .turnedAway: false
        }
    }
}
