// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging
import Synchronization

/// Whether the MTA asks the policy map for the mail that it takes, which `enforcement = "auto"` goes by: a map that is not
/// asked guards nothing.
///
/// Until the MTA has asked for the next hop of mail that went in, the milter guards alone. Then the map guards. If mail
/// for a domain with an enforce policy went in and its next hop is not asked for in time, that is said, and the milter
/// guards alone again. A domain that was not asked for stays the milter's until it is. ``MapQuestions`` has the rules.
package final class MapUse: Sendable {
    /// How long after mail went in its next hop must have been asked for. MTAs ask at once, unless they are busy.
    package static let usualLimit = Duration.seconds(600)
    /// Domains that ``statements`` name.
    private static let maxNamed = 3

    private struct Shared: Sendable {
        var questions = MapQuestions()
        var enforcement: EnforcementChoice
    }

    private let clock: any WallClock
    private let limit: Duration
    private let logger: Logger
    /// Called when another one guards than before.
    private let changed: @Sendable () -> Void
    private let shared: Locked<Shared>
    /// Whether the map guards at all, and whether there are domains that it does not: what each verdict looks at.
    private let isGuarding = Atomic(false)
    private let hasUnasked = Atomic(false)
    private let asksByRecipient = Atomic(false)

    package init(
        _ enforcement: EnforcementChoice, clock: any WallClock, within limit: Duration = usualLimit, logger: Logger,
        changed: @escaping @Sendable () -> Void = {}
    ) {
        shared = Locked(Shared(enforcement: enforcement))
        self.clock = clock
        self.limit = limit
        self.logger = logger
        self.changed = changed
    }

    /// Takes the setting of a reload. Where the milter alone is to guard, nothing is expected of the MTA.
    package func apply(_ enforcement: EnforcementChoice) {
        change { shared in
            if enforcement == .milter { shared.questions = MapQuestions() }
            shared.enforcement = enforcement
            return false
        }
    }

    /// Whether the map guards deliveries to the next hop: it is a domain's own, of which nobody doubts that the MTA asks.
    package func guards(_ hop: NextHop) -> Bool {
        guard isGuarding.load(ordering: .relaxed), case .mx(let domain, NextHop.smtpPort) = hop else { return false }
        return !hasUnasked.load(ordering: .relaxed) || shared.withLock { $0.questions.guards(domain) }
    }

    /// Mail went in for a domain with an enforce policy, by the domain's own MX records.
    package func noteAccepted(_ domain: DomainName) {
        let now = clock.now
        change { $0.enforcement != .milter && $0.questions.noteAccepted(domain, at: now) }
    }

    /// The map was asked. Only a question for a domain's own MX hosts says that mail to the domain is guarded: its name may
    /// also be that of a smart host, or stand with another port.
    /// - Parameter mta: the MTA that asks, by what is known of it.
    package func noteAsked(_ key: NextHop, by mta: DANESupport) {
        guard case .mx(let domain, NextHop.smtpPort) = key else { return }
        let now = clock.now
        change { $0.enforcement != .milter && $0.questions.noteAsked(domain, as: mta.mapKey, at: now) }
    }

    /// Whether the MTA asks the map for the domain of the recipient, wherever its own tables have the mail go. Then the
    /// map guards only what goes by the MX hosts of that domain.
    package var isAskedByRecipient: Bool { asksByRecipient.load(ordering: .relaxed) }

    /// Looks whether mail waits for its question for too long; to be called every few seconds.
    package func look() {
        let now = clock.now
        change { [limit] in $0.questions.look(at: now, within: limit) }
    }

    private func change(_ body: (inout Shared) -> Bool) {
        let now = shared.withLock { shared -> Shared? in
            let isChanged = body(&shared)
            if case .asks = shared.questions.state {
                isGuarding.store(true, ordering: .relaxed)
            } else {
                isGuarding.store(false, ordering: .relaxed)
            }
            hasUnasked.store(!shared.questions.unasked.isEmpty, ordering: .relaxed)
            asksByRecipient.store(shared.questions.isAskedByRecipient, ordering: .relaxed)
            // A copy of all that is known only for who says something of it: each mail comes here.
            return isChanged ? shared : nil
        }
        guard let now else { return }
        changed()
        switch now.questions.state {
        case .unheard: break
        case .asks(let domain, _):
            logger.notice(
                "the MTA asks the policy map for mail that it took: the map guards deliveries",
                metadata: ["domain": "\(domain)"])
        case .failed(let domain, let acceptedAt):
            let guardian = now.enforcement == .auto ? "the milter alone" : "nobody"
            logger.error(
                "mail went in and the MTA did not ask the policy map for it: see what check-mta says",
                metadata: ["domain": "\(domain)", "accepted": "\(acceptedAt)", "guarded_by": "\(guardian)"])
        }
    }

    // MARK: For a person

    /// Whether the MTA asks the map for mail that it took; nil before that is known, and where nothing is expected of it.
    package var isAsked: Bool? {
        let now = shared.withLock { $0 }
        guard now.enforcement != .milter else { return nil }
        return switch now.questions.state {
        case .unheard: nil
        case .asks: true
        case .failed: false
        }
    }

    /// Who guards deliveries and why, one line each.
    package var statements: [Statement] {
        let now = shared.withLock { $0 }
        guard now.enforcement != .milter else { return [] }
        let isAuto = now.enforcement == .auto
        let alone = isAuto ? "the milter guards alone" : "NOBODY guards deliveries"
        switch now.questions.state {
        case .unheard:
            let line = "the MTA has not asked the policy map yet for mail that it took"
            return [Statement(isAuto ? "the milter guards alone: \(line)" : line, .asMeant)]
        case .failed(let domain, let acceptedAt):
            let line =
                "\(alone): mail to \(domain) went in at \(acceptedAt) and the MTA did NOT ask the policy map for it; "
                + "see what check-mta says"
            return [Statement(line, isAuto ? .unasked : .unguarded)]
        case .asks(let domain, let time):
            let line = Statement(
                "the policy map guards deliveries: the MTA asked for mail to \(domain) at \(time)", .asMeant)
            let unasked = now.questions.unasked
            guard !unasked.isEmpty else { return [line] }
            let names = unasked.prefix(Self.maxNamed).map(\.ascii).joined(separator: ", ")
            let more = unasked.count > Self.maxNamed ? " and \(unasked.count - Self.maxNamed) more" : ""
            // A table of the operator's own may answer for them before the map does, and for good.
            return [
                line,
                Statement(
                    "\(alone) where mail went in and the MTA did NOT ask: \(names)\(more)",
                    isAuto ? .asMeant : .unasked),
            ]
        }
    }
}

extension DANESupport {
    /// Postfix looks its table of TLS policies up by the next hop, Sendmail by the domain of the recipient.
    fileprivate var mapKey: MapQuestions.Key {
        switch self {
        case .byLevel: .nextHop
        case .byItself, .none: .recipientDomain
        }
    }
}

extension MapUse {
    /// A line for a person, and how grave it is.
    package struct Statement: Sendable, Hashable {
        package enum Gravity: Sendable, Hashable {
            /// Guarded as the settings mean it, or not known yet.
            case asMeant
            /// Not asked as it should be: to be looked at.
            case unasked
            /// Nobody guards deliveries.
            case unguarded
        }

        package let text: String
        package let gravity: Gravity

        package init(_ text: String, _ gravity: Gravity) {
            self.text = text
            self.gravity = gravity
        }
    }
}
