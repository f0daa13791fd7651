// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials

/// A session as `sts-milter intake` shows it: a line for a person, or one of JSON for a script.
package struct SessionLine: Sendable, Encodable {
    let session: ObservedSession

    init(_ session: ObservedSession) { self.session = session }

    /// `success`, `plaintext`, `tls-not-wanted`, `refused-by-map`, or the result type. - RFC 8460 §4.3: Result Types.
    var result: String {
        switch session.result {
        case .verified, .trusted, .untrusted: "success"
        case .plaintext: "plaintext"
        case .notWanted: "tls-not-wanted"
        case .failed(let type, _): type.rawValue
        case .refusedByMap: "refused-by-map"
        }
    }

    var reason: String? {
        switch session.result {
        case .failed(_, let reason): reason.map { printable($0) }
        case .plaintext: session.fallbackReason
        case .verified, .trusted, .untrusted, .notWanted, .refusedByMap: nil
        }
    }

    /// How far the MTA looked at the certificate; nil without TLS, and where it says nothing of one.
    var verification: String? {
        guard session.isCertificateJudged else { return nil }
        return switch session.result {
        case .verified: "verified"
        case .trusted: "trusted"
        case .untrusted: "untrusted"
        case .plaintext, .notWanted, .failed, .refusedByMap: nil
        }
    }

    package var line: String {
        let host = session.host?.ascii ?? session.cutHost.map { printable($0.description) } ?? "-"
        let place = host + (session.address.map { "[\($0)]" } ?? "")
        let what = result + (reason.map { " (\($0))" } ?? "") + (verification.map { " (\($0))" } ?? "")
        return "\(session.time) \(session.domain?.ascii ?? "-") \(place) \(what) \(queueID ?? "-")"
    }

    /// One object; what is not known is null.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    var queueID: String? { session.queueID.map { printable($0, limit: 40) } }

    private enum CodingKeys: String, CodingKey {
        case time
        case policyDomain = "policy_domain"
        case mx, ip, result, reason, verification
        case queueID = "queue_id"
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(session.time.description, forKey: .time)
        try members.encode(session.domain?.ascii, forKey: .policyDomain)
        try members.encode(session.host?.ascii, forKey: .mx)
        try members.encode(session.address?.description, forKey: .ip)
        try members.encode(result, forKey: .result)
        try members.encode(reason, forKey: .reason)
        try members.encode(verification, forKey: .verification)
        try members.encode(queueID, forKey: .queueID)
    }
}
