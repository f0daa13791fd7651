// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// What a verdict leads to.
package enum Decision: String, Sendable, Hashable, NumberedCase {
    /// Goes on as if nobody had asked.
    case deliver
    /// Goes on although it does not keep the policy, or may not.
    case log
    /// Goes on, although it would be held back, or left to the policy map, if the operator had not paused us.
    case paused
    /// Goes on, and the policy map holds it at delivery, unless the MTA finds the header `TLS-Required: No`.
    case leaveToMap = "policy-map"
    /// The recipient must wait.
    case `defer`
    /// The whole message must wait, which is said at its end.
    case deferMessage = "defer-message"
    /// The whole message is put on hold at its end.
    case quarantine

    /// Whether the mail does not go on now.
    package var holdsBack: Bool {
        switch self {
        case .deliver, .log, .paused, .leaveToMap: false
        case .defer, .deferMessage, .quarantine: true
        }
    }

    /// The circumstances that a decision depends on beside the verdict.
    struct Circumstances: Sendable, Hashable {
        var onViolation: ViolationAction
        var onUnknown: UnknownAction
        var onUnproven: UnknownAction
        /// The same where TLSA records are to be kept and no policy is: no policy map guards the delivery then.
        var onUnprovenDANE = UnknownAction.defer
        /// Nil for mail from SMTP.
        var localSubmission: LocalSubmissionAction?
        /// Whether the header still to come may change everything.
        var awaitsHeader: Bool
        /// Whether the MTA asks our policy map at delivery, recipient by recipient.
        var isGuardedByMap = false
        var canQuarantine: Bool
        /// Whether the operator has all mail go.
        var isPaused = false

        /// The policy map holds mail by policies. Whether it can hold any by TLSA records is the MTA's to know.
        fileprivate func counting(onMapFor requirement: Requirement) -> Circumstances {
            var circumstances = self
            if requirement == .dane { circumstances.isGuardedByMap = false }
            return circumstances
        }
    }

    init(on verdict: Verdict, _ circumstances: Circumstances) {
        let decision = Decision(unpaused: verdict, circumstances)
        switch decision {
        case .leaveToMap, .defer, .deferMessage, .quarantine: self = circumstances.isPaused ? .paused : decision
        case .deliver, .log, .paused: self = decision
        }
    }

    private init(unpaused verdict: Verdict, _ circumstances: Circumstances) {
        switch verdict {
        case .notJudged, .noPolicy, .modeNone, .conforming: self = .deliver
        case .testing: self = .log
        case .provenLately: self = .log
        case .unknown:
            // Without a policy the map has nothing to hold it by.
            var unguarded = circumstances
            unguarded.isGuardedByMap = false
            self = Self.inDoubt(circumstances.onUnknown, unguarded)
        case .unproven(let doubt):
            let guarded = circumstances.counting(onMapFor: doubt.requirement)
            self = Self.inDoubt(doubt.requirement == .dane ? guarded.onUnprovenDANE : guarded.onUnproven, guarded)
        case .violating(let violation):
            let circumstances = circumstances.counting(onMapFor: violation.requirement)
            switch circumstances.onViolation {
            case .log: self = .log
            // An MTA that cannot hold mail must not get it either.
            case .quarantine: self = circumstances.canQuarantine ? .quarantine : Self.deferring(circumstances)
            case .defer: self = Self.deferring(circumstances)
            }
        }
    }

    private static func inDoubt(_ action: UnknownAction, _ circumstances: Circumstances) -> Decision {
        switch action {
        case .accept: .log
        case .defer: deferring(circumstances)
        }
    }

    private static func deferring(_ circumstances: Circumstances) -> Decision {
        switch circumstances.localSubmission {
        case nil where !circumstances.awaitsHeader: .defer
        // The end of the message defers all of it, the good recipients too.
        case nil: circumstances.isGuardedByMap ? .leaveToMap : .deferMessage
        case .log: .log
        // Postfix calls a refused recipient of sendmail(1) a configuration error.
        case .defer: .deferMessage
        }
    }
}
