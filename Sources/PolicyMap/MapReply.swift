// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// What is said of an enforce policy all of whose patterns are wildcards that cover no MX host by exactly one label.
package enum DepthOnlyAnswer: String, Sendable, Hashable, CaseIterable {
    /// Try again later: RFC 8461 lets none of the hosts have the mail.
    case temporary
    /// `.name`, which the MTA takes for any depth.
    case secure
}

/// What the operator chose for the words of an answer, which only the map for an MTA knows of.
package struct MapReplySettings: Sendable, Hashable {
    package var depthOnly = DepthOnlyAnswer.temporary
    /// Whether a testing policy is told to Postfix, at level `may`, so that Postfix reports on it. This can be weaker
    /// than the level that the site has set for everybody.
    package var testingAttributes = false
    /// Whether Postfix is told, at level `may`, of a policy that cannot be fetched. Postfix then reports the failure.
    /// As above.
    package var policyFailureAttributes = false

    /// Whether Sendmail looks for TLSA records itself: then a domain that has them is "no policy" for it.
    package var sendmailDoesDANE = false

    package init() {}

    /// What an MTA does about TLSA records that reads answers in the form.
    func daneSupport(of form: MapForm) -> DANESupport {
        switch form {
        case .postfix, .postfixTLSRPT: .byLevel
        case .sendmail: sendmailDoesDANE ? .byItself : .none
        }
    }
}

/// Why an answer is "try again later"; the words are for the MTA's log, after the domain and what is known of the cause.
package enum TemporaryReason: String, Error, Sendable, Hashable, CaseIterable {
    case undecided = "policy could not be decided, see the log of sts-milter"
    case hostsUnknown = "the MX hosts, of which the policy allows some, could not be looked up"
    case depthOnly = "no MX host has a name that the policy allows"
    case tooLong = "the policy is too long for a policy map"
    case unknownMap = "map name unknown to sts-milter, see its setting policy_map.names"
    case busy = "too many lookups wait in sts-milter"
    case unreadableKey =
        "the next hop cannot be read and holds a name with an enforce policy, see the log of sts-milter"
}

/// Puts findings into the words of an MTA's map.
///
/// All words are fixed but for domain names, which hold letters, digits, hyphens, dots and underscores only, and the
/// lines of a policy, which must pass `isExpressible`: so nothing that a domain publishes can add an attribute.
/// There is no answer `PERM`: Sendmail takes it for "no policy".
package struct MapReply: Sendable {
    /// Longest answer in octets; Postfix reads 100,000.
    package static let maxOctets = 99_999

    /// Octets of a reason: Postfix logs 200 of an answer.
    package static let maxReasonOctets = 190
    /// Octets of the domain in a reason, and names of hosts.
    private static let maxNameOctets = 80, maxNames = 3

    /// Octets of an answer beside names, patterns and strings, with a policy domain of any length.
    private static let headOctets = 100 + DomainName.maxOctets

    let form: MapForm
    let choices: MapReplySettings

    package init(_ form: MapForm, _ choices: MapReplySettings = MapReplySettings()) {
        self.form = form
        self.choices = choices
    }

    /// Appends the answer about a policy domain to `reply`, which the caller hands in empty.
    /// - Parameter domain: nil for a key that cannot have a policy.
    package func write(_ finding: MapAnswer, of domain: DomainName?, to reply: inout [UInt8]) {
        switch finding {
        case .notFound: Self.writeNotFound(to: &reply)
        case .temporary(let why), .bogus(let why): Self.write(why, of: domain, to: &reply)
        case .dane(let besides):
            guard form == .sendmail else { return reply.append("OK dane-only") }
            // Sendmail knows no such level. One that is built with DANE puts it first itself, whatever it is answered;
            // one that is not must keep the policy, or nothing would guard the domain.
            if choices.sendmailDoesDANE {
                Self.writeNotFound(to: &reply)
            } else {
                write(besides, of: domain, to: &reply)
            }
        case .daneWherePresent(let besides):
            guard form == .sendmail, !choices.sendmailDoesDANE else {
                return form == .sendmail ? Self.writeNotFound(to: &reply) : reply.append("OK dane")
            }
            write(besides, of: domain, to: &reply)
        case .enforce(let cached, let hosts): writeEnforce(cached, hosts, of: domain, to: &reply)
        case .testing(let cached):
            guard form == .postfixTLSRPT, choices.testingAttributes else { return Self.writeNotFound(to: &reply) }
            reply.append("OK may")
            appendDomain(of: cached, to: &reply)
            if append(patterns: cached.policy.mx, to: &reply) { appendStrings(of: cached.policy, to: &reply) }
        case .failed(let failure):
            guard form == .postfixTLSRPT, choices.policyFailureAttributes, let domain else {
                return Self.writeNotFound(to: &reply)
            }
            reply.append("OK may policy_type=sts policy_domain=")
            reply.append(domain)
            reply.append(" policy_failure=")
            reply.append(Self.word(for: failure))
        }
    }

    /// "Try again later" for a reason of our own.
    package static func write(_ reason: TemporaryReason, to reply: inout [UInt8]) {
        reply.append("TEMP ")
        reply.append(contentsOf: reason.rawValue.utf8)
    }

    /// Why an answer is "try again later", without the domain before it; nil for any other answer.
    static func reason(in reply: [UInt8], about domain: DomainName) -> String? {
        guard reply.starts(with: "TEMP ".utf8) else { return nil }
        let text = String(decoding: reply.dropFirst("TEMP ".utf8.count), as: UTF8.self)
        let subject = subject(domain)
        return text.hasPrefix(subject) ? String(text.dropFirst(subject.count)) : text
    }

    private static func subject(_ domain: DomainName) -> String {
        printable(domain.ascii, limit: maxNameOctets) + ": "
    }

    /// "Try again later" about a domain: Postfix names neither it nor the key in its log.
    private static func write(_ why: String, of domain: DomainName?, to reply: inout [UInt8]) {
        let subject = domain.map(subject) ?? ""
        reply.append("TEMP ")
        // The marks of a cut are within the bound.
        reply.append(contentsOf: printable(subject + why, limit: maxReasonOctets - 3).utf8)
    }

    /// The reason and, as far as it is known, its cause: a cut of what is too long leaves the reason whole.
    private static func text(_ reason: TemporaryReason, _ hosts: MXSet) -> String {
        switch (reason, hosts) {
        case (.hostsUnknown, .unknown(let why)) where !why.isEmpty: "\(reason.rawValue): \(why)"
        case (.depthOnly, .known(let hosts)) where !hosts.isEmpty:
            "\(reason.rawValue): "
                + hosts.prefix(maxNames).map { printable($0.ascii, limit: maxNameOctets) }.joined(separator: ", ")
                + (hosts.count > maxNames ? ", ..." : "")
        default: reason.rawValue
        }
    }

    private static func writeNotFound(to reply: inout [UInt8]) { reply.append("NOTFOUND ") }

    private func writeEnforce(
        _ cached: CachedPolicy, _ hosts: MXSet, of domain: DomainName?, to reply: inout [UInt8]
    ) {
        do throws(TemporaryReason) {
            let names = try AcceptedNames(of: cached, among: hosts, for: form, choices)
            try writeSecure(names, to: &reply)
            guard form == .postfixTLSRPT else { return }
            appendDomain(of: cached, to: &reply)
            // Postfix 3.10.5 and later asks for the host's own name if a pattern covers it, so no other may.
            if case .only = hosts {
                guard append(patterns: names.exact.map { MXPattern(exact: $0) }, to: &reply) else { return }
                appendStrings(of: cached.policy, to: &reply)
            } else if append(patterns: cached.policy.mx, to: &reply) {
                appendStrings(of: cached.policy, to: &reply)
            } else if names.reachDeeper {
                // Nobody would check the depth: say the names that a Postfix is told which cannot do so.
                reply.removeAll(keepingCapacity: true)
                try writeSecure(try AcceptedNames(of: cached, among: hosts, for: .postfix, choices), to: &reply)
                appendDomain(of: cached, to: &reply)
            }
        } catch {
            reply.removeAll(keepingCapacity: true)
            Self.write(Self.text(error, hosts), of: domain, to: &reply)
        }
    }

    private func writeSecure(_ names: AcceptedNames, to reply: inout [UInt8]) throws(TemporaryReason) {
        guard names.octets <= Self.maxOctets - Self.headOctets else { throw .tooLong }
        reply.append("OK secure match=")
        names.append(to: &reply)
        reply.append(" servername=hostname")
    }

    private func appendDomain(of cached: CachedPolicy, to reply: inout [UInt8]) {
        reply.append(" policy_type=sts policy_domain=")
        reply.append(cached.domain)
    }

    /// The patterns as they were published, `*.` and all, since Postfix compares MX hosts with them.
    ///
    /// All or none: Postfix 3.10.5 and later would refuse the hosts of a pattern that is left out.
    private func append(patterns: [MXPattern], to reply: inout [UInt8]) -> Bool {
        let end = reply.count
        for pattern in patterns {
            reply.append(pattern.isWildcard ? " mx_host_pattern=*." : " mx_host_pattern=")
            reply.append(pattern.domain)
            guard reply.count <= Self.maxOctets else {
                reply.removeSubrange(end...)
                return false
            }
        }
        return reply.count <= Self.maxOctets
    }

    /// The lines of the policy in their order, as far as there is room. - RFC 8460 §4.4: policy-string.
    private func appendStrings(of policy: Policy, to reply: inout [UInt8]) {
        var text = policy.text
        text.withUTF8 { octets in
            // A line is what the report calls one: a carriage return inside of it makes no second string of it.
            for line in octets.split(separator: UInt8(ascii: "\n")) where Self.isExpressible(line) {
                guard reply.count + line.count + 24 <= Self.maxOctets else { return }
                reply.append(" { policy_string = ")
                for octet in line { reply.append(octet == 0x09 ? 0x20 : octet) }
                reply.append(" }")
            }
        }
    }

    /// Whether Postfix reads the line back as one value: printable ASCII without braces, and not blank. A tab becomes a
    /// space, as Postfix itself would have it.
    static func isExpressible(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var isBlank = true
        for octet in line {
            switch octet {
            case UInt8(ascii: "{"), UInt8(ascii: "}"), 0x7F...: return false
            case 0x20, 0x09: continue
            case 0..<0x20: return false
            default: isBlank = false
            }
        }
        return !isBlank
    }

    /// The four words that Postfix knows.
    private static func word(for failure: PolicyFailure) -> StaticString {
        switch failure.type {
        case .stsPolicyFetchError: "sts-policy-fetch-error"
        case .stsPolicyInvalid: "sts-policy-invalid"
        case .stsWebPKIInvalid: "sts-webpki-invalid"
        case .starttlsNotSupported, .certificateHostMismatch, .certificateExpired, .certificateNotTrusted,
            .validationFailure, .tlsaInvalid, .dnssecInvalid, .daneRequired:
            "validation-failure"
        }
    }
}

extension [UInt8] {
    /// Appends words of our own.
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ domain: DomainName) { append(contentsOf: domain.ascii.utf8) }
}
