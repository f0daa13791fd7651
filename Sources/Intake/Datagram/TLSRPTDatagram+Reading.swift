// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials

extension TLSRPTDatagram {
    /// Policies of one session: Postfix sends one, others two.
    package static let maxPolicies = 16
    /// Failure details kept of one policy; the rest is dropped.
    static let maxDetails = 64
    /// Octets kept of the lines of a policy, and of its hosts; lines past that are dropped.
    static let maxPolicyOctets = 16_384
    /// Characters kept of a host's greeting; ``Probe`` keeps as many.
    private static let maxGreeting = 100

    /// Reads the payload of one datagram, which any local user of the socket can have written.
    package init(_ payload: some Collection<UInt8>) throws(DatagramError) {
        try self.init(Array(payload))
    }

    /// The same, without the detour of a generic collection.
    package init(_ payload: [UInt8]) throws(DatagramError) {
        guard !payload.isEmpty else { throw .empty }
        if let usual = DatagramScanner.message(payload) {
            try self.init(usual)
        } else {
            try self.init(decoding: payload)
        }
    }

    /// By the JSON library alone; what tests hold the scanner to.
    package init(decoding payload: [UInt8]) throws(DatagramError) { try self.init(try Self.decode(payload)) }

    private init(_ message: DatagramMessage) throws(DatagramError) {
        do {
            domain = try DomainName(message.d)
        } catch {
            throw .badDomain(error)
        }
        record = message.pr ?? ""
        guard message.policies.count <= Self.maxPolicies else { throw .tooManyPolicies }
        var remarks = message.dpv?.remark.map { [$0] } ?? []
        var policies: [PolicyOutcome] = []
        for policy in message.policies {
            switch policy.outcome(for: domain) {
            case .success(let outcome): policies.append(outcome)
            case .failure(let refusal): remarks.append(refusal.why)
            }
        }
        guard !policies.isEmpty else { throw .noPolicy }
        self.policies = policies
        self.remarks = remarks
    }

    static func decode(_ payload: [UInt8]) throws(DatagramError) -> DatagramMessage {
        do {
            // libtlsrpt copies octets from 0x80 as they are: what is no UTF-8 must not cost the session.
            let isASCII = payload.allSatisfy { $0 < 0x80 }
            let text = isASCII ? Data(payload) : Data(String(decoding: payload, as: UTF8.self).utf8)
            return try JSONDecoder().decode(DatagramMessage.self, from: text)
        } catch let error as DecodingError {
            throw error.refusal
        } catch {
            throw .notJSON
        }
    }

    /// The lines of a policy while there is room for them.
    static func bounded(_ lines: [String]?) -> [String] {
        guard let lines else { return [] }
        var room = maxPolicyOctets
        let kept = lines.prefix { line in
            room -= line.utf8.count + 1
            return room >= 0
        }
        return kept.count == lines.count ? lines : Array(kept)
    }

    /// The name of a host as reports have it, whoever wrote it; nil for what is no name.
    static func hostName(_ text: String) -> String? { (try? DomainName(host: text))?.ascii }

    /// The same of a pattern of MX hosts, whose first label may be `*`.
    static func pattern(_ text: String) -> String? {
        guard text.utf8.first == UInt8(ascii: "*"), text.hasPrefix("*.") else { return (try? DomainName(text))?.ascii }
        return (try? DomainName(text.dropFirst(2))).map { "*.\($0)" }
    }

    /// An address in its one form; nil for what is none. - RFC 5952 §4: A Recommendation for IPv6 Text Representation.
    static func address(_ text: String) -> String? { IPAddress(text)?.description }

    /// The first line of a reply to EHLO, without its code, as the text of a report.
    static func greeting(_ reply: String) -> String {
        let octets = reply.utf8.span
        var end = 0
        while end < octets.count, octets[end] != UInt8(ascii: "\r"), octets[end] != UInt8(ascii: "\n") { end += 1 }
        let hasCode = end > 3 && (0..<3).allSatisfy { octets[$0] &- 0x30 < 10 }
        let isMarked = hasCode && (octets[3] == UInt8(ascii: "-") || octets[3] == UInt8(ascii: " "))
        let line = octets.extracting((isMarked ? 4 : 0)..<end)
        return printable(line.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }, limit: maxGreeting)
    }
}

extension DecodingError {
    /// The same in our words: the path holds names of ours only, nothing of the datagram.
    fileprivate var refusal: DatagramError {
        switch self {
        case .keyNotFound(let key, let context): .badMember(path(context.codingPath + [key]))
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            .badMember(context.codingPath.isEmpty ? "(the whole)" : path(context.codingPath))
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? .notJSON : .badMember(path(context.codingPath))
        @unknown default: .notJSON
        }
    }

    private func path(_ keys: [any CodingKey]) -> String {
        keys.reduce("") { path, key in
            if let index = key.intValue { return "\(path)[\(index)]" }
            return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
        }
    }
}
