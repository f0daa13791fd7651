// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import EventLog
import Logging
import TLSRPT

/// One connection of an MTA: what its callbacks mean.
///
/// libmilter calls on changing threads but never on two at once, so nothing here is locked.
final class Session {
    let shared: MilterState
    /// Here as well: what is reached by way of another object costs a reference to it, which all threads would count.
    private let judge: any RecipientJudge
    /// Counts callbacks of this connection, and of some others.
    let callbacks: CallbackCount.Part
    /// Whether the MTA can put mail on hold.
    private let canQuarantine: Bool
    /// The message in transfer, one after the other.
    private let room: Message
    private var isInMessage = false
    private var settings: MilterState.Settings
    /// The mailer found last that delivers by SMTP: nearly all mail has the same.
    private var smtpMailer = ""
    private var log: VerdictLog

    init(shared: MilterState, canQuarantine: Bool) {
        self.shared = shared
        self.canQuarantine = canQuarantine
        callbacks = shared.callbacks.part()
        judge = shared.judge
        settings = shared.settings
        room = Message(settings: settings)
        log = VerdictLog(sink: shared.log)
    }

    /// Nil between messages.
    private var message: Message? { isInMessage ? room : nil }

    /// MAIL: a message begins.
    /// - Parameter address: read only if settings depend on it.
    func sender(_ address: UnsafeRawBufferPointer, requiresTLS: Bool = false, in context: some MilterContext) {
        let message = begin()
        let settings = message.settings
        message.queueID = context.symbol(.queueID)
        // Postfix gives a queue id at MAIL, and port 0, only to mail that did not come by SMTP.
        message.mayBeLocal = message.queueID != nil && context.symbol(.daemonPort) ?? "0" == "0"
        message.requiresTLS = requiresTLS
        if !settings.value.rules.isEmpty || settings.mayBeReportSender(address) {
            message.origin = Origin(
                daemonName: context.symbol(.daemonName), port: context.symbol(.daemonPort).flatMap { UInt16($0) },
                client: context.symbol(.clientAddress).flatMap { IPAddress(literal: $0) },
                isAuthenticated: context.symbol(.login)?.isEmpty == false, sender: EnvelopeAddress(octets: address))
        }
    }

    /// RCPT: judges one recipient.
    func recipient(_ address: EnvelopeAddress, in context: some MilterContext) -> Answer {
        let message = self.message ?? begin()
        let settings = message.settings
        let mailer = context.symbol(.recipientMailer, like: smtpMailer.isEmpty ? nil : smtpMailer)
        let recipient = Recipient(
            domain: address.domain, mailer: mailer,
            host: context.symbol(.recipientHost, like: address.domain?.ascii))
        let destination = recipient.destination(services: settings.value.services) { isSMTP($0, settings) }
        guard case .remote(let hops) = destination else {
            if case .notOurs(let why) = destination { passOver(address, .notOurs(why), in: message) }
            return .proceed
        }
        let rule =
            settings.value.rules.isEmpty
            ? nil : settings.value.rules.action(for: message.origin ?? Origin(), recipientDomain: address.domain)
        let isLocal = message.mayBeLocal && mailer == nil
        if rule == .exempt { return passOver(address, .exemptByRule, in: message) }
        if isOwnReport(message, to: address, isLocal: isLocal) { return passOver(address, .ownReport, in: message) }

        if message.queueID == nil, let queueID = context.symbol(.queueID) {
            message.queueID = queueID
            log.writeWaiting(queueID: queueID)
        }
        // An MTA may ask the map by the next hop or by the recipient's domain: it holds the mail where both are the same.
        let isDirect = address.isDelivered(by: hops)
        let isMapAsked = isDirect || !judge.isMapAskedByRecipient
        let known =
            message.verdicts.isEmpty
            ? nil : message.verdicts.firstIndex { $0.hops == hops && $0.isMapAsked == isMapAsked }
        let judgement =
            if let known {
                message.verdicts[known].judgement
            } else {
                judgement(on: hops, isMapAsked: isMapAsked, of: message)
            }
        var circumstances = circumstances(settings, rule, judgement.enforcement, isLocal: isLocal)
        if !isDirect { circumstances.isGuardedByMap = false }
        let decision = Decision(on: judgement.verdict, circumstances)
        if decision != .deliver { message.isPlain = false }
        // Where the MTA names no transport that delivers by SMTP, such as for an alias, nobody knows what it will ask.
        if isDirect, known == nil, !decision.holdsBack, judge.notesAccepted,
            judgement.basis.policy?.policy.mode == .enforce, let domain = address.domain, let mailer,
            isSMTP(mailer, settings)
        {
            message.accepted.append(domain)
        }
        let line = VerdictLine(recipient: address, hops: hops, judgement: judgement, decision: decision)
        let judged = Judged(line, rule: rule, isLocal: isLocal, isMapAsked: isMapAsked)
        if let known {
            if settings.value.keepsDecisions {
                message.remember(judged, after: known)
            }
        } else {
            message.verdicts.append(judged)
        }
        record(line, isRepeated: known != nil, in: message)
        return act(line, isRepeated: known != nil, on: message, in: context)
    }

    /// A header, of which only TLS-Required matters. - RFC 8689 §3: The TLS-Required Header Field.
    func header(_ name: String, _ value: String) {
        guard name.lowercased() == "tls-required" else { return }
        let word = value.split(whereSeparator: \.isWhitespace)
        message?.tlsRequired.append(word.count == 1 && word[0].lowercased() == "no" ? .no : .other)
    }

    /// End of message: what concerns all of it.
    func end(in context: some MilterContext) -> Answer {
        guard let message else { return .proceed }
        isInMessage = false
        defer { message.clear() }
        let isPlain = message.deferral == nil && message.hold == nil
        let isKept = message.settings.value.keepsDecisions
        guard !isPlain || log.isWaiting || isKept else { return accept(message) }
        let queueID = isPlain && message.queueID != nil ? message.queueID : context.symbol(.queueID) ?? message.queueID
        log.writeWaiting(queueID: queueID)
        guard !isPlain else {
            let answer = accept(message)
            if isKept { keep(message, queueID, .accepted) }
            return answer
        }
        let (answer, ending) = endHeld(message, queueID, in: context)
        if isKept { keep(message, queueID, ending) }
        return answer
    }

    /// The end of a message of which something asks to hold all of it back.
    private func endHeld(
        _ message: Message, _ queueID: String?, in context: some MilterContext
    ) -> (Answer, DecidedMessage.Ending) {
        // A pause may have begun since the recipients were judged.
        let isPaused = judge.isPaused
        for disposition in message.undecided {
            judge.note(message.isTLSOptional || isPaused ? disposition.released : disposition)
        }
        if message.isTLSOptional {
            shared.logger.info("let through by TLS-Required: No", metadata: named(queueID))
            return (.proceed, .letThroughByHeader)
        }
        if isPaused {
            shared.logger.info("let through by a pause", metadata: named(queueID))
            return (accept(message), .letThroughByPause)
        }
        if let reply = message.deferral {
            shared.logger.info("message deferred", metadata: named(queueID))
            context.setReply(reply)
            return (.defer, .deferred)
        }
        guard let reason = message.hold else { return (.proceed, .accepted) }
        if context.quarantine(reason.text) {
            shared.logger.info("message put on hold", metadata: named(queueID))
            return (.proceed, .putOnHold)
        }
        shared.logger.error("the MTA did not put the message on hold, so it is deferred", metadata: named(queueID))
        context.setReply(reason)
        return (.defer, .deferred)
    }

    /// Keeps what was decided, for who asks later.
    private func keep(_ message: Message, _ queueID: String?, _ ending: DecidedMessage.Ending) {
        guard let queueID, message.isToldOf else { return }
        let isPlain = ending == .accepted && message.isPlain
        guard callbacks.decided.hasRoom(isPlain: isPlain) else { return }
        let reply: Reply? = ending == .accepted || ending == .gone ? nil : message.deferral ?? message.hold
        callbacks.decided.add(
            message.decided(queueID: queueID, ending, isPlain: isPlain, reply: reply, at: shared.clock.now))
    }

    /// A recipient that is not judged.
    @discardableResult
    private func passOver(_ address: EnvelopeAddress, _ reason: Unjudged.Reason, in message: Message) -> Answer {
        if message.settings.value.keepsDecisions {
            message.remember(Unjudged(recipientDomain: address.domain, reason: reason))
        }
        return .proceed
    }

    /// The message goes on, and what it holds is delivered.
    private func accept(_ message: Message) -> Answer {
        // By the header the MTA may leave the policy map out.
        if !message.isTLSOptional { for domain in message.accepted { judge.noteAccepted(domain) } }
        return .proceed
    }

    /// The message is gone: RSET, a refusal elsewhere, a lost connection.
    func abort() {
        if let message {
            if message.settings.value.keepsDecisions { keep(message, message.queueID, .gone) }
            message.clear()
        }
        isInMessage = false
        log.writeWaiting(queueID: nil)
    }

    /// A message begins, and one that had not come to its end is gone.
    private func begin() -> Message {
        abort()
        callbacks.messages.add(1, ordering: .relaxed)
        if !shared.isInForce(settings) {
            settings = shared.settings
            smtpMailer = ""
            room.settings = settings
        }
        isInMessage = true
        return room
    }

    /// Whether mail of a mailer is delivered by SMTP.
    private func isSMTP(_ mailer: String, _ settings: MilterState.Settings) -> Bool {
        if mailer == smtpMailer, !mailer.isEmpty { return true }
        guard settings.value.transports.contains(mailer) else { return false }
        smtpMailer = mailer
        return true
    }

    private func judgement(on hops: [NextHop], isMapAsked: Bool, of message: Message) -> Judgement {
        if let judgement = judge.cached(hops, isMapAsked: isMapAsked) { return judgement }
        let settings = message.settings.value
        let start = ContinuousClock.now
        let waitLimit = min(settings.lookupWait, settings.messageBudget - message.waited)
        let found = shared.lookups.judgement(
            on: hops, isMapAsked: isMapAsked, by: judge, within: waitLimit, maxWaiting: settings.maxWaiting)
        let waited = ContinuousClock.now - start
        message.waited += waited
        shared.waits.note(waited)
        switch found {
        case .success(let judgement): return judgement
        case .failure(let ending): return judge.decideNow(hops, isMapAsked: isMapAsked, because: ending)
        }
    }

    private func record(_ line: VerdictLine, isRepeated: Bool, in message: Message) {
        if !isRepeated {
            callbacks.verdicts.add(at: VerdictPlace.of(line.verdict.word, line.decision))
            if case .violating(let violation) = line.verdict { count(violation) }
            note(line, of: message)
        }
        // With a recipient that is refused alone, the message may end without a queue id.
        log.write(
            line, queueID: message.queueID, at: isRepeated ? .debug : line.level, waits: line.decision != .defer)
    }

    private func count(_ violation: Violation) {
        guard let type = violation.headline?.failure.type, let place = ResultType.allCases.firstIndex(of: type) else {
            return
        }
        shared.violations.add(at: place)
    }

    private func note(_ line: VerdictLine, of message: Message) {
        let disposition = Disposition(
            line.judgement, of: line.hops, recipientDomain: line.recipient.domain, isHeldBack: line.decision.holdsBack)
        if line.decision == .deferMessage {
            message.undecided.append(disposition)
        } else {
            judge.note(disposition)
        }
    }

    private func circumstances(
        _ box: MilterState.Settings, _ rule: Rule.Action?, _ enforcement: Enforcement, isLocal: Bool
    ) -> Decision.Circumstances {
        let whereUnproven = box.value.onUnproven ?? .whereUnproven(under: enforcement)
        var circumstances = Decision.Circumstances(
            onViolation: box.value.onViolation, onUnknown: box.value.onUnknown, onUnproven: whereUnproven,
            onUnprovenDANE: box.value.onUnprovenDANE,
            localSubmission: isLocal ? box.value.localSubmission : nil, awaitsHeader: box.value.tlsRequiredNo,
            isGuardedByMap: box.value.isGuardedByMap && enforcement == .milterAndPolicyMap,
            canQuarantine: canQuarantine, isPaused: judge.isPaused)
        if case .act(let onViolation, let onUnknown, let onUnproven) = rule {
            circumstances.onViolation = onViolation ?? box.value.onViolation
            circumstances.onUnknown = onUnknown ?? box.value.onUnknown
            circumstances.onUnproven = onUnproven ?? whereUnproven
            circumstances.onUnprovenDANE = onUnproven ?? box.value.onUnprovenDANE
        }
        return circumstances
    }

    private func act(
        _ line: VerdictLine, isRepeated: Bool, on message: Message, in context: some MilterContext
    ) -> Answer {
        switch line.decision {
        case .deliver, .log, .paused, .leaveToMap: return .proceed
        case .defer:
            let reply = reply(to: line, isRepeated: isRepeated, message.settings.value)
            if !isRepeated, let last = message.verdicts.indices.last { message.verdicts[last].reply = reply }
            context.setReply(reply)
            return .defer
        case .deferMessage:
            if message.deferral == nil { message.deferral = reply(to: line, isRepeated: false, message.settings.value) }
            return .proceed
        case .quarantine:
            if message.hold == nil { message.hold = reply(to: line, isRepeated: false, message.settings.value) }
            return .proceed
        }
    }

    private func reply(to line: VerdictLine, isRepeated: Bool, _ settings: MilterSettings) -> Reply {
        switch line.verdict {
        case .violating(let violation):
            isRepeated ? Reply(again: violation) : Reply(violation, hint: settings.helpHint)
        case .unknown(let why):
            Reply(unknown: why, domain: line.hops.first?.policyDomain)
        case .unproven(let doubt):
            Reply(doubt, domain: line.hops.first?.policyDomain)
        case .notJudged, .noPolicy, .modeNone, .conforming, .testing, .provenLately:
            Reply(unknown: "not judged", domain: line.hops.first?.policyDomain)
        }
    }

    /// Our report's own mail: a broken route to the one who must learn of it must not keep the report back.
    /// Anybody on this host can write our address, but the recipient has asked for the report.
    /// - RFC 8460 §3: reports are delivered despite any TLS-related failures.
    private func isOwnReport(_ message: Message, to recipient: EnvelopeAddress, isLocal: Bool) -> Bool {
        guard let origin = message.origin, !origin.sender.local.isEmpty,
            let own = message.settings.value.reportSender, own == origin.sender
        else { return false }
        return (isLocal || origin.client?.isLoopback == true) && judge.awaitsReport(recipient)
    }

    private func named(_ queueID: String?) -> Logger.Metadata {
        ["queue_id": .string(queueID.map { printable($0, limit: VerdictLog.queueIDLimit) } ?? VerdictLog.noQueueID)]
    }
}

extension EnvelopeAddress {
    /// Whether the mail goes by the MX records of its own domain, as most does.
    fileprivate func isDelivered(by hops: [NextHop]) -> Bool {
        guard let domain, hops.count == 1, case .mx(domain, NextHop.smtpPort) = hops[0] else { return false }
        return true
    }
}
