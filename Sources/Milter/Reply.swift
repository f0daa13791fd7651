// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// What the SMTP client is told about a recipient or message that must wait.
///
/// Always 451: a violation is somebody's mistake that can be repaired, and a failure of our own is never permanent.
package struct Reply: Sendable, Hashable {
    /// The SMTP code of every reply. Not 421, which makes both MTAs hang up.
    package static let code = "451"
    /// Octets of a text. An SMTP line holds 512 with code, status code and CRLF, and `%` is doubled for libmilter.
    /// - RFC 5321 §4.5.3.1.5: Reply Line.
    package static let maxTextOctets = 400
    /// Octets of one part of the text that comes from elsewhere.
    private static let maxPartOctets = 160

    /// The enhanced status code. - RFC 3463 §3.8: Security or Policy Status.
    package let status: String
    /// One line of printable ASCII.
    package let text: String

    /// The reply about a route that breaks the policy, in full.
    /// - Parameter hint: what to look at; `{domain}` becomes the policy domain.
    package init(_ violation: Violation, hint: String) {
        let domain = violation.policyDomain
        let headline = violation.headline
        status = Self.status(for: headline?.failure)
        let host = headline?.host.map { "\($0): " } ?? ""
        let failure = Self.part(headline?.failure.text ?? "no host conforms")
        text = Self.line(
            "\(violation.requirement.name): \(domain): \(host)\(failure)\(violation.requirement.mode)",
            ending: hint.isEmpty ? "" : "; see " + Self.part(hint, domain))
    }

    /// The reply about a further recipient of the same message and domain.
    package init(again violation: Violation) {
        status = Self.status(for: violation.headline?.failure)
        let requirement = violation.requirement
        text = Self.line(
            "\(requirement.name): \(violation.policyDomain): same as for the recipient before\(requirement.mode)")
    }

    /// The reply about a route that could not be judged.
    package init(unknown why: String, domain: DomainName?) {
        status = "4.7.0"
        let subject = domain.map { "\($0): " } ?? ""
        text = Self.line(
            "MTA-STS: \(subject)cannot tell yet whether the policy is kept: \(Self.part(why)); try again later")
    }

    /// The reply about a route that has not been seen to keep an enforce policy.
    ///
    /// 4.3.2 (system not accepting network messages) where the failure is our own. - RFC 3463 §3.4: Mail System Status.
    package init(_ doubt: Doubt, domain: DomainName?) {
        status = doubt.isOurs ? "4.3.2" : "4.7.0"
        let subject = domain.map { "\($0): " } ?? ""
        let (requirement, why) = (doubt.requirement, Self.part(doubt.text))
        text = Self.line(
            "\(requirement.name): \(subject)\(requirement.doubt): \(why)\(requirement.mode); try again later"
        )
    }

    /// The text as libmilter wants it: Sendmail uses it as a format and Postfix drops a lone `%`.
    package var milterText: String {
        text.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
    }

    /// 4.7.4: security features not supported; 4.7.5: cryptographic failure; 4.7.0: other.
    private static func status(for failure: Failure?) -> String {
        switch failure?.type {
        case .starttlsNotSupported: "4.7.4"
        case .certificateHostMismatch, .certificateExpired, .certificateNotTrusted, .tlsaInvalid, .daneRequired: "4.7.5"
        case .validationFailure: failure?.reasonCode == mxNotInPolicyReason ? "4.7.0" : "4.7.5"
        case .dnssecInvalid, .stsPolicyFetchError, .stsPolicyInvalid, .stsWebPKIInvalid, nil: "4.7.0"
        }
    }

    private static func part(_ hint: String, _ domain: DomainName) -> String {
        let marker = "{domain}"
        guard let start = hint.firstRange(of: marker) else { return part(hint) }
        return part(String(hint[..<start.lowerBound]) + domain.ascii + String(hint[start.upperBound...]))
    }

    private static func part(_ text: String) -> String { clean(text, limit: maxPartOctets) }

    /// Cuts the beginning, never the ending, to fit.
    private static func line(_ beginning: String, ending: String = "") -> String {
        clean(beginning, limit: maxTextOctets - ending.utf8.count) + ending
    }

    /// Printable ASCII only, so that nothing from the network ends the line or escapes to a terminal.
    private static func clean(_ text: String, limit: Int) -> String {
        var bytes = text.utf8.prefix(limit).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        if text.utf8.count > limit { bytes.replaceSubrange((limit - 3)..., with: Array("...".utf8)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Requirement {
    /// What the text begins with.
    fileprivate var name: String {
        switch self {
        case .policy: "MTA-STS"
        case .dane: "DANE"
        }
    }

    fileprivate var doubt: String {
        switch self {
        case .policy: "not seen to keep the policy"
        case .dane: "not seen to keep its TLSA records"
        }
    }

    /// How strict it is.
    fileprivate var mode: String {
        switch self {
        case .policy: " (policy mode enforce)"
        case .dane: ""
        }
    }
}
