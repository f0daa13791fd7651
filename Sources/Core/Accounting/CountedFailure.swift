// SPDX-License-Identifier: Apache-2.0
import TLSRPT

extension FailureDetails {
    /// The one detail that a failed session counts in, so that the details of a report sum up to its failed sessions.
    ///
    /// It is the first that a sender meets: the policy, the MX host's name, STARTTLS, the certificate. The types of all
    /// else that was wrong stand beside it as additional information, which is a URI: one that holds its text.
    /// - RFC 8460 §4.4: failed-session-count, additional-info-uri.
    /// - Parameter all: what was wrong, in the order in which it was found; nothing makes a failure that nobody names.
    static func counted(_ all: [FailureDetails]) -> FailureDetails {
        guard var first = all.min(by: { $0.step < $1.step }) else {
            return FailureDetails(.validationFailure, reasonCode: unnamedReason)
        }
        guard first.additionalInformation == nil else { return first }
        var others: [String] = []
        for other in all where other.type != first.type {
            // A type that no registry has can be any text.
            guard case .known(let type) = other.type, !others.contains(type.rawValue) else { continue }
            others.append(type.rawValue)
        }
        // - RFC 2397 §3: Syntax.
        if !others.isEmpty { first.additionalInformation = "data:," + others.sorted().joined(separator: ",") }
        return first
    }

    /// The `failure-reason-code` of a session of which is only known that it failed.
    static let unnamedReason = "failure-not-named"

    /// The place of what was wrong in the order of a sender's steps; those of one step as the RFC lists them.
    /// - RFC 8461 §4: Policy Validation: §4.1 MX host, then §4.2 STARTTLS and certificate.
    /// - RFC 8460 §4.3: Result Types.
    private var step: Int {
        guard case .known(let type) = type else { return Int.max }
        switch type {
        case .stsWebPKIInvalid, .stsPolicyFetchError, .stsPolicyInvalid: return 0
        case .dnssecInvalid: return 1
        case .validationFailure where reasonCode == mxNotInPolicyReason: return 2
        case .daneRequired: return 3
        case .tlsaInvalid: return 4
        case .starttlsNotSupported: return 5
        case .certificateHostMismatch: return 6
        case .certificateExpired: return 7
        case .certificateNotTrusted: return 8
        case .validationFailure: return 9
        }
    }
}
