// SPDX-License-Identifier: Apache-2.0

/// An answer as Postfix reads it, and stricter: what Postfix would warn of is an error here, and so is every attribute
/// that we never send.
///
/// Written after the description of smtp_tls_policy_maps in postconf(5), on its own, so that it shares no mistake with
/// the code under test.
struct PostfixPolicy {
    struct Flaw: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    static let levels: Set<String> = ["none", "may", "encrypt", "fingerprint", "verify", "secure", "dane", "dane-only"]
    static let once: Set<String> = ["servername", "policy_type", "policy_domain", "policy_failure", "match"]
    static let many: Set<String> = ["mx_host_pattern", "policy_string"]

    let level: String
    private(set) var attributes: [(name: String, value: String)] = []
    private var seen: Set<String> = []

    func values(_ name: String) -> [String] { attributes.filter { $0.name == name }.map(\.value) }
    func value(_ name: String) -> String? { values(name).first }

    init(_ answer: some Sequence<UInt8>) throws {
        let octets = Array(answer)
        guard octets.count < 100_000 else { throw Flaw("longer than Postfix reads") }
        guard octets.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw Flaw("octets that are not printable") }
        guard octets.starts(with: Array("OK ".utf8)) else { throw Flaw("not OK") }
        var tokens = try Self.tokens(String(decoding: octets.dropFirst(3), as: UTF8.self))
        guard !tokens.isEmpty else { throw Flaw("empty policy") }
        level = tokens.removeFirst()
        guard Self.levels.contains(level) else { throw Flaw("invalid security level \(level)") }
        for token in tokens { try add(token) }
        if value("policy_type") == nil,
            attributes.contains(where: { $0.name.contains("policy") || $0.name == "mx_host_pattern" })
        {
            throw Flaw("attributes of a report without policy_type")
        }
    }

    /// Splits at commas and white space that stand outside of braces.
    private static func tokens(_ text: String) throws -> [String] {
        var tokens: [String] = []
        var token = ""
        var depth = 0
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                guard depth >= 0 else { throw Flaw("brace that closes nothing") }
            case UInt8(ascii: " "), UInt8(ascii: ","):
                guard depth == 0 else { break }
                if !token.isEmpty { tokens.append(token) }
                token = ""
                continue
            default: break
            }
            token.unicodeScalars.append(Unicode.Scalar(octet))
        }
        guard depth == 0 else { throw Flaw("brace that is not closed") }
        return token.isEmpty ? tokens : tokens + [token]
    }

    private mutating func add(_ token: String) throws {
        var pair = token[...]
        if pair.first == "{" {
            guard pair.last == "}" else { throw Flaw("text after a closing brace") }
            pair = pair.dropFirst().dropLast()
            guard !pair.contains("{"), !pair.contains("}") else { throw Flaw("braces within braces") }
        }
        guard let equals = pair.firstIndex(of: "=") else { throw Flaw("no name and value in '\(token)'") }
        let name = Self.trimmed(pair[..<equals])
        let value = Self.trimmed(pair[pair.index(after: equals)...])
        guard Self.once.contains(name) || Self.many.contains(name) else {
            throw Flaw("invalid attribute name '\(name)'")
        }
        guard seen.insert(name).inserted || !Self.once.contains(name) else { throw Flaw("\(name) more than once") }
        guard !value.isEmpty else { throw Flaw("\(name) is empty") }
        try check(name, value)
        attributes.append((name, value))
    }

    private func check(_ name: String, _ value: String) throws {
        switch name {
        case "match":
            guard level == "secure" else { throw Flaw("match at level \(level)") }
            for name in value.split(separator: ":", omittingEmptySubsequences: false) {
                guard !["hostname", "nexthop", "dot-nexthop"].contains(name) else { throw Flaw("keyword \(name)") }
                try Self.checkHost(name.hasPrefix(".") ? name.dropFirst() : name)
            }
        case "servername": guard value == "hostname" else { throw Flaw("servername is \(value)") }
        case "policy_type": guard value == "sts" else { throw Flaw("policy_type is \(value)") }
        case "policy_domain": try Self.checkHost(value[...])
        case "mx_host_pattern": try Self.checkHost(value.hasPrefix("*.") ? value.dropFirst(2) : value[...])
        case "policy_failure":
            guard
                ["sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid", "validation-failure"].contains(
                    value)
            else { throw Flaw("policy_failure is \(value)") }
        default: break
        }
    }

    private static func checkHost(_ name: Substring) throws {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isHost = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy {
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
                }
        }
        guard isHost, name.utf8.count <= 253 else { throw Flaw("'\(name)' is no host name") }
        guard let last = labels.last, !last.allSatisfy(\.isNumber) else {
            throw Flaw("'\(name)' looks like an address")
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop(while: { $0 == " " }).reversed().drop(while: { $0 == " " }).reversed())
    }
}
