// SPDX-License-Identifier: Apache-2.0
import Basics
import MTASTS

/// Why a text is not a list; names the entry.
package enum PreloadListError: Error, Sendable, Equatable, CustomStringConvertible {
    case tooLarge(bytes: Int)
    case notJSON(String, offset: Int)
    /// The path of the entry, such as `policies."example.org".mxs`, and what is wrong there.
    case entry(String, String)

    package var description: String {
        switch self {
        case .tooLarge(let bytes): "\(bytes) bytes, more than \(PreloadList.limitBytes)"
        case .notJSON(let text, let offset): "not JSON at byte \(offset): \(text)"
        case .entry(let path, let text): "\(path): \(text)"
        }
    }
}

extension PreloadList {
    /// Most warnings kept of one list.
    private static let maxWarnings = 20

    /// Reads a list by the rules of its schema, draft 0.1. One bad entry refuses the whole: a list is made by a
    /// program and signed, so that a fault in it is no slip of one domain.
    ///
    /// Two things are tolerated because lists of STARTTLS Everywhere had them: other members at the top (`pinsets`), and
    /// a domain given twice with the same policy.
    package init(_ bytes: [UInt8]) throws(PreloadListError) {
        guard bytes.count <= Self.limitBytes else { throw .tooLarge(bytes: bytes.count) }
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
            throw .notJSON(error.text, offset: error.offset)
        }
        var warnings: [String] = []
        let top = try ObjectReader(value, "the list")
        for member in top.members.keys.sorted() where !Self.members.contains(member) {
            warnings.append("\(quoted(member)): unknown, ignored")
        }
        guard try top.text("version") == Self.version else {
            throw .entry("version", "not \"\(Self.version)\"")
        }
        let timestamp = try Self.time(top, "timestamp")
        let expires = try Self.time(top, "expires")
        guard timestamp < expires else { throw .entry("expires", "not later than timestamp") }
        let author = top.members["author"] == nil ? nil : try top.text("author")

        var aliases: [String: Policy] = [:]
        for (name, value) in try top.object("policy-aliases", tolerateEqual: &warnings).members {
            aliases[name] = try Self.policy(value, "policy-aliases.\(quoted(name))")
        }
        var policies: [DomainName: Policy] = [:]
        for (name, value) in try top.object("policies", tolerateEqual: &warnings).members {
            let path = "policies.\(quoted(name))"
            let domain = try Self.domain(name, path)
            let policy = try Self.policy(value, path, aliases)
            if let other = policies.updateValue(policy, forKey: domain), other != policy {
                throw .entry(path, "another entry for this domain differs")
            }
        }
        self.init(
            timestamp: timestamp, expires: expires, author: author, policies: policies,
            warnings: Array(warnings.prefix(Self.maxWarnings)))
    }

    private static let members: Set<String> = [
        "version", "timestamp", "expires", "author", "policies", "policy-aliases",
    ]

    private static func policy(
        _ value: JSONValue, _ path: String, _ aliases: [String: Policy]? = nil
    ) throws(PreloadListError) -> Policy {
        let entry = try ObjectReader(value, path)
        if let aliases, entry.members["policy-alias"] != nil {
            guard entry.members.count == 1 else { throw .entry(path, "policy-alias beside other members") }
            let alias = try entry.text("policy-alias")
            guard let policy = aliases[alias] else {
                throw .entry(path, "no policy-alias is named \(quoted(alias))")
            }
            return policy
        }
        for member in entry.members.keys.sorted() where member != "mode" && member != "mxs" {
            throw .entry(path, "unknown member \(quoted(member))")
        }
        let mode: Policy.Mode
        switch try entry.text("mode") {
        case "enforce": mode = .enforce
        case "testing": mode = .testing
        case let other: throw .entry("\(path).mode", "\(quoted(other)) is not enforce or testing")
        }
        guard case .array(let values) = entry.members["mxs"] else { throw .entry("\(path).mxs", "no array") }
        var patterns: [MXPattern] = []
        var seen: Set<MXPattern> = []
        for value in values {
            let pattern = try pattern(value, "\(path).mxs")
            guard seen.insert(pattern).inserted else { throw .entry("\(path).mxs", "\(quoted("\(pattern)")) twice") }
            patterns.append(pattern)
            guard patterns.count <= maxPatterns else { throw .entry("\(path).mxs", "more than \(maxPatterns)") }
        }
        guard !patterns.isEmpty else { throw .entry("\(path).mxs", "empty") }
        return Policy(unpublished: mode, mx: patterns)
    }

    /// Patterns of one policy.
    static let maxPatterns = 10_000

    private static func pattern(_ value: JSONValue, _ path: String) throws(PreloadListError) -> MXPattern {
        guard case .string(let text) = value else { throw .entry(path, "not all texts") }
        guard !text.hasPrefix("*") else { throw .entry(path, "\(quoted(text)): a suffix is written \".example.org\"") }
        let isSuffix = text.hasPrefix(".")
        let domain = try domain(isSuffix ? String(text.dropFirst()) : text, path)
        do throws(DomainNameError) { return try MXPattern(isSuffix ? "*.\(domain)" : domain.ascii) } catch {
            throw .entry(path, "\(quoted(text)): \(error)")
        }
    }

    /// A fully qualified name in A-labels, without a trailing dot.
    private static func domain(_ text: String, _ path: String) throws(PreloadListError) -> DomainName {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { throw .entry(path, "\(quoted(text)): not in A-labels") }
        guard !text.hasSuffix(".") else { throw .entry(path, "\(quoted(text)): a dot at the end") }
        do throws(DomainNameError) {
            let domain = try DomainName(text)
            if domain.labelCount > 1 { return domain }
        } catch { throw .entry(path, "\(quoted(text)): \(error)") }
        throw .entry(path, "\(quoted(text)): not fully qualified")
    }

    /// Seconds since 1970, or a date and time with its zone.
    private static func time(_ top: ObjectReader, _ name: String) throws(PreloadListError) -> UTCTime {
        switch top.members[name] {
        case .number(let text):
            // Beyond year 9999 no date can be written.
            if let seconds = Int64(text), (0...253_402_300_799).contains(seconds) {
                return UTCTime(secondsSinceEpoch: seconds)
            }
        case .string(let text):
            if let zone = text.dropFirst(19).last, zone == "Z" || zone.isNumber,
                text.dropFirst(19).contains(where: { "Z+-".contains($0) }), let time = UTCTime(dateTime: text)
            {
                return time
            }
        case nil: throw .entry(name, "missing")
        case .object, .array, .flag, .null: break
        }
        throw .entry(name, "neither seconds since 1970 nor a time such as 2026-11-23T12:00:00Z")
    }
}

/// The members of one object, each name once.
private struct ObjectReader {
    private(set) var members: [String: JSONValue] = [:]
    private let path: String

    init(_ value: JSONValue, _ path: String) throws(PreloadListError) {
        var none: [String]?
        try self.init(value, path, tolerateEqual: &none)
    }

    private init(_ value: JSONValue, _ path: String, tolerateEqual warnings: inout [String]?) throws(PreloadListError) {
        self.path = path
        guard case .object(let list) = value else { throw .entry(path, "not an object") }
        for member in list {
            guard let other = members.updateValue(member.value, forKey: member.name) else { continue }
            let text = "\(quoted(member.name)) is given twice"
            guard warnings != nil, other == member.value else { throw .entry(path, text) }
            warnings?.append("\(path): \(text), both alike")
        }
    }

    func text(_ name: String) throws(PreloadListError) -> String {
        guard case .string(let text) = members[name] else {
            throw .entry(place(name), members[name] == nil ? "missing" : "not a text")
        }
        return text
    }

    func object(_ name: String, tolerateEqual warnings: inout [String]) throws(PreloadListError) -> ObjectReader {
        guard let value = members[name] else { throw .entry(place(name), "missing") }
        var found: [String]? = warnings
        let object = try ObjectReader(value, name, tolerateEqual: &found)
        warnings = found ?? warnings
        return object
    }

    private func place(_ name: String) -> String { path == "the list" ? name : "\(path).\(name)" }
}

private func quoted(_ text: String) -> String { "\"\(printable(text, limit: 120))\"" }
