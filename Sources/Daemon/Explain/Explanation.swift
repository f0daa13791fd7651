// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// What is known of a message by its queue id, as `sts-milter explain` shows it. Every text is safe to print.
package struct Explanation: Sendable, Codable {
    package struct Host: Sendable, Codable {
        package let name: String
        package let preference: UInt16
        package let port: UInt16
        /// The policy's pattern that covers the name.
        package let pattern: String?
        package let status: HostStatus
        /// The result type of the gravest failure. - RFC 8460 §4.3: Result Types.
        package let resultType: String?
        package let text: String?
        package let address: String?
        /// `pkix` or `dane`: what vouched for the host's name.
        package let authentication: String?
        package let certificateEnds: String?
    }

    package struct PolicySeen: Sendable, Codable {
        package let mode: String
        package let id: String
        /// `published`, `pinned` or `preloaded`.
        package let source: String
        package let mx: [String]
        package let fetched: String
        package let expires: String
        /// How old it was when the message ended.
        package let ageSeconds: Int64
    }

    package struct Recipients: Sendable, Codable {
        /// Nil for addresses without a domain.
        package let domain: String?
        package let nextHops: [String]
        package let policyDomain: String?
        /// One word, as in the log; nil where nothing was judged.
        package let verdict: String?
        package let action: String?
        package let explanation: String
        /// What the client was told.
        package let reply: String?
        /// What the operator's rule that matched says; nil where none did.
        package let rule: String?
        package let isLocalSubmission: Bool
        /// `milter` or `milter+policy-map`: who was taken to enforce at delivery.
        package let enforcement: String?
        package let policy: PolicySeen?
        /// Whether DNSSEC vouched for the MX records; nil without a route.
        package let mxSecure: Bool?
        package let hosts: [Host]
        /// MX hosts that are judged by their names alone, and what MX records name that is no host.
        package let otherTargets: [String]
    }

    package struct Message: Sendable, Codable {
        package let ended: String
        /// As `DecidedMessage.Ending`.
        package let answer: String
        package let reply: String?
        package let requiresTLS: Bool
        package internal(set) var recipients: [Recipients]
        /// Kinds of recipients that are left out for their number.
        package internal(set) var omitted: Int
    }

    /// A TLS session, or what kept it from one, that the MTA's log told under the queue id.
    package struct Delivery: Sendable, Codable {
        package let time: String
        package let source: String
        package let domain: String?
        package let host: String?
        package let address: String?
        /// `success`, `plaintext`, `tls-not-wanted`, `refused-by-map`, or the result type.
        package let result: String
        package let reason: String?
        /// How far the MTA looked at the certificate; nil without TLS.
        package let verification: String?
        /// Why the policy map had refused, where it is known.
        package let refusal: String?
    }

    package let queueID: String
    package let messages: [Message]
    package let deliveries: [Delivery]

    package var isKnown: Bool { !messages.isEmpty || !deliveries.isEmpty }
}
