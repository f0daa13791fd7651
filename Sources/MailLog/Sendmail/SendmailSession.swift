// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// One session with a server, as far as the lines say.
struct SendmailSession: Sendable, Hashable, Codable {
    /// Most domains of one session that are kept apart.
    private static let maxDomains = 64
    /// Longest name that is read, in octets: U-labels are longer than what they stand for, which is what is kept.
    private static let maxNameOctets = 4 * DomainName.maxOctets

    /// The server's name as it is compared; of a long name what the log has of it, if no line has more.
    let relay: String
    /// When its first line was written, in seconds since 1970.
    let time: Int64
    /// When its last line was written.
    var lastTime: Int64
    /// What `${verify}` was; nil for a session without TLS.
    var verify: SendmailVerify?
    /// Why the certificate failed.
    var reason: String?
    var comparesNames = false
    /// What ended the session.
    var failure: SendmailFailure?
    /// What was refused for a domain's recipients only.
    var failures: [String: SendmailFailure] = [:]
    /// Set where FEATURE(`sts') let no mail go, since the policy map said "try again later".
    var isRefused: Bool?
    /// Set where the rules have Sendmail try no TLS with the server.
    var isUnwanted: Bool?
    /// Why TLS was given up in an earlier session of the same delivery with the same server.
    var fallbackReason: String?
    /// The delivery that it was begun for, and the server that took or refused that in the end.
    var queueID: String?
    var via: String?
    var address: String?
    /// Domains under which it was counted; "" for none.
    var counted: [String] = []

    private enum CodingKeys: String, CodingKey {
        case relay = "r"
        case time = "t"
        case lastTime = "l"
        case verify = "v"
        case reason = "w"
        case comparesNames = "n"
        case failure = "f"
        case failures = "d"
        case isRefused = "m"
        case isUnwanted = "u"
        case fallbackReason = "b"
        case queueID = "q"
        case via = "s"
        case address = "a"
        case counted = "c"
    }

    init(relay: String, time: Int64) {
        self.relay = relay
        self.time = time
        lastTime = time
    }

    /// The name as it is compared.
    static func name(_ relay: SyslogOctets) -> String {
        let name = relay.prefix(maxNameOctets).hostName
        return CutHostName(name)?.description ?? name.cut(to: DomainName.maxOctets)
    }

    /// Whether both may be names of one server: lines about TLS have a long name in full, those that end a delivery do not.
    static func isSame(_ relay: String, as other: String) -> Bool {
        relay == other || CutHostName(other)?.matches(relay) == true || CutHostName(relay)?.matches(other) == true
    }

    mutating func refuse(_ failure: SendmailFailure, for domain: String) {
        if failures.count < Self.maxDomains { failures[domain] = failure }
    }

    /// Counts the session under each of the delivery's domains that it was not counted under yet.
    mutating func count(for delivery: SendmailDelivery, into found: inout [ObservedSession]) {
        for domain in delivery.domains ?? [""] where !counted.contains(domain) && counted.count < Self.maxDomains {
            counted.append(domain)
            guard let result = result(for: domain) else { continue }
            var session = ObservedSession(
                source: .sendmailLog, time: UTCTime(secondsSinceEpoch: time),
                domain: domain.isEmpty ? nil : try? DomainName(domain), host: try? DomainName(host: relay),
                address: address.flatMap { IPAddress($0) }, result: result, queueID: queueID,
                fallbackReason: result == .plaintext ? fallbackReason : nil,
                isCertificateJudged: verify?.isVerdict ?? false, recipient: delivery.recipient)
            session.cutHost = CutHostName(relay)
            found.append(session)
        }
    }

    private func result(for domain: String) -> ObservedSession.Result? {
        if let failure = failure ?? failures[domain] { return .failed(failure.type, reason: failure.reason) }
        if isRefused == true { return .refusedByMap }
        if verify == .clear { return .plaintext }
        guard let verify else { return isUnwanted == true && fallbackReason == nil ? .notWanted : .plaintext }
        return verify.result(comparesNames: comparesNames)
    }
}
