// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// A session of an smtp(8) process with one server, as far as its lines say.
struct PostfixAttempt: Sendable, Hashable, Codable {
    /// How a server was left.
    enum End: Int, Sendable, Codable {
        case certificateRefused, issuerRefused, noSTARTTLS, noHandshake, refusedByMap
    }

    /// What an earlier session came to, for which one without TLS followed.
    enum Fallback: Int, Sendable, Codable {
        case handshakeFailed, tlsBroke

        /// The `failure-reason-code`.
        var reason: String {
            switch self {
            case .handshakeFailed: handshakeFailureReason
            case .tlsBroke: tlsNotUsedReason
            }
        }
    }

    var peer: PostfixPeer
    /// When it ended, in seconds since 1970.
    var time: Int64 = 0
    var level: PostfixTLSLevel?
    /// What was found wrong with the certificate.
    var failure: PostfixFailure?
    /// What Postfix itself reports as the failure.
    var reportedFailure: PostfixFailure?
    /// Postfix itself reports a success.
    var isReportedSuccess: Bool?
    /// The policy domain that Postfix names.
    var domain: String?
    var end: End?
    /// Set for one more use of a session that has been counted.
    var isReuse: Bool?
    /// The `tls=` field says that there was TLS.
    var usedTLS: Bool?
    /// Set if Postfix says that it was not to use TLS.
    var isUnwanted: Bool?
    /// Why TLS was given up in an earlier session of the same delivery with the same server.
    var fallback: Fallback?

    private enum CodingKeys: String, CodingKey {
        case peer = "p"
        case time = "t"
        case level = "l"
        case failure = "f"
        case reportedFailure = "T"
        case isReportedSuccess = "S"
        case domain = "d"
        case end = "e"
        case isReuse = "r"
        case usedTLS = "u"
        case isUnwanted = "w"
        case fallback = "b"
    }

    init(peer: PostfixPeer) { self.peer = peer }

    /// Whether nothing at all was said of TLS.
    var isSilent: Bool { hasNoTLS && isUnwanted == nil && fallback == nil }

    /// Whether nothing tells of TLS, or of a failure to have it.
    var hasNoTLS: Bool {
        level == nil && failure == nil && reportedFailure == nil && isReportedSuccess == nil && end == nil
            && usedTLS == nil
    }

    /// Whether Postfix itself has reported the session: it does not report hosts outside a policy.
    var isReported: Bool {
        isReportedSuccess == true || (reportedFailure != nil && reportedFailure != .mxNotInPolicy)
    }

    var result: ObservedSession.Result {
        if end == .refusedByMap { return .refusedByMap }
        if let failure = reportedFailure ?? endFailure ?? failure {
            return .failed(failure.type, reason: failure.reason)
        }
        switch level {
        case .verified?: return .verified
        case .trusted?: return .trusted
        case .untrusted?: return .untrusted
        case .anonymous?: return .trusted
        // TLS that its level was content with, but no word on what it asked for.
        case nil where isReportedSuccess == true || usedTLS == true: return .trusted
        // A session that TLS was given up for has the same words, and is a failure.
        case nil: return isUnwanted == true && fallback == nil ? .notWanted : .plaintext
        }
    }

    /// Why a next session of the delivery with the same server is one without TLS: Postfix tries no server again with TLS.
    var causeToFallBack: Fallback? {
        if end == .noHandshake { return .handshakeFailed }
        return level == nil || end != nil ? nil : .tlsBroke
    }

    private var endFailure: PostfixFailure? {
        switch end {
        case nil, .refusedByMap?: nil
        case .noSTARTTLS?: .noSTARTTLS
        case .noHandshake?: .handshake
        case .issuerRefused?: failure ?? PostfixFailure(.certificateNotTrusted)
        case .certificateRefused?: failure ?? certificateFailure
        }
    }

    /// A refused certificate of which no line says what is wrong.
    private var certificateFailure: PostfixFailure {
        switch level {
        // Postfix 3.4 and 3.5 say so of a name that does not match, and nothing else.
        case .trusted?, .verified?: PostfixFailure(.certificateHostMismatch)
        case .untrusted?, .anonymous?: PostfixFailure(.certificateNotTrusted)
        case nil: PostfixFailure(.validationFailure, "server_certificate_not_verified")
        }
    }
}

extension PostfixAttempt {
    /// The session as the delivery that it belongs to completes it.
    func session(of delivery: PostfixDelivery, isTLSLogged: Bool) -> ObservedSession {
        ObservedSession(
            source: .postfixLog, time: UTCTime(secondsSinceEpoch: time),
            domain: try? DomainName(domain ?? delivery.domain.text), host: try? DomainName(host: peer.host),
            address: IPAddress(peer.address), result: result, queueID: delivery.queueID.text,
            port: delivery.port.flatMap { UInt16(exactly: $0) }, hasDatagram: isReported, isTLSLogged: isTLSLogged,
            // Any other level says more than that there is TLS.
            fallbackReason: fallback?.reason, isCertificateJudged: level != nil && level != .anonymous,
            recipient: delivery.recipient.text)
    }
}
