// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why a body is not a policy. - RFC 8460 §4.3.2.2: reported as `sts-policy-invalid`.
package enum PolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    case missing(String)
    /// Its first line is therefore none, whatever an editor shows.
    case byteOrderMark
    case unknownVersion(String)
    case unknownMode(String)
    case badMaxAge(String)
    case noValidMX

    package var description: String {
        switch self {
        case .missing(let field): "no \(field)"
        case .byteOrderMark: "begins with a byte order mark, which some editors add: save it as plain ASCII text"
        case .unknownVersion(let value): "version is \(printable(value, limit: 40)), not STSv1"
        case .unknownMode(let value): "mode is \(printable(value, limit: 40)), not enforce, testing or none"
        case .badMaxAge(let value): "max_age is \(printable(value, limit: 40)), not a number of seconds"
        case .noValidMX: "no valid mx"
        }
    }
}

extension PolicyError {
    /// Whether a line is not there, or is not understood.
    fileprivate var isLack: Bool {
        switch self {
        case .missing, .noValidMX: true
        case .byteOrderMark, .unknownVersion, .unknownMode, .badMaxAge: false
        }
    }
}

extension Policy {
    /// A policy together with what its publisher should mend.
    package struct Reading: Sendable, Hashable {
        package let policy: Policy
        /// One line a defect that did not cost the policy, safe to print.
        package let warnings: [String]
    }

    /// Most warnings kept for one body; a hostile body could hold thousands of bad lines.
    private static let maxWarnings = 20
    /// Longest number of seconds that is kept as published, in octets: any number of zeros may stand before it.
    private static let maxAgeOctets = 20

    /// Of UTF-8, and of UTF-16 either way.
    private static let byteOrderMarks: [[UInt8]] = [[0xEF, 0xBB, 0xBF], [0xFF, 0xFE], [0xFE, 0xFF]]

    /// Reads a body: lenient where that keeps a domain protected, strict where a guess could weaken it.
    ///
    /// What does not count is not kept: a body has up to 64 KiB, and nothing but a report would show it.
    ///
    /// - Deviation: bad lines do not cost a policy.
    /// - RFC 8461 §3.2: lines end in CRLF or LF; names are case-sensitive; of duplicates, except `mx`, the first counts.
    package static func read(_ body: some Sequence<UInt8>) throws(PolicyError) -> Reading {
        let octets = Array(body)
        let text = String(decoding: octets, as: UTF8.self)
        var fields: [String: String] = [:]
        var patterns: [MXPattern] = []
        var hasMore = false
        // The lines that count, as they were published but for blanks.
        var kept: [(key: String, value: String)] = []
        var warnings: [String] = []
        func warn(_ line: some StringProtocol, _ why: String) {
            if warnings.count < maxWarnings { warnings.append("\(printable(line, limit: 80)): \(why)") }
        }
        for line in text.unicodeScalars.split(separator: "\n") {
            let line = withoutTrailingBlanks(Substring(line))
            guard !line.isEmpty else { continue }
            guard let colon = line.firstIndex(of: ":") else {
                warn(line, "not a key and a value")
                continue
            }
            let key = String(line[..<colon])
            let value = line[line.index(after: colon)...].drop(while: isSpaceOrTab)
            switch key {
            case "mx":
                do throws(DomainNameError) {
                    let pattern = try MXPattern(value)
                    guard patterns.count < maxPatterns else {
                        if !hasMore { warn(line, "more than \(maxPatterns) mx, the first count") }
                        hasMore = true
                        continue
                    }
                    patterns.append(pattern)
                    kept.append((key, String(value)))
                } catch {
                    warn(line, "\(error)")
                }
            case "version", "mode", "max_age":
                guard fields[key] == nil else {
                    warn(line, "duplicate, the first counts")
                    continue
                }
                fields[key] = String(value)
                kept.append((key, String(value)))
            default:
                continue
            }
        }
        do throws(PolicyError) {
            return Reading(policy: try make(fields, patterns, kept, warn), warnings: warnings)
        } catch {
            let isMarked = byteOrderMarks.contains { octets.starts(with: $0) }
            throw isMarked && error.isLack ? PolicyError.byteOrderMark : error
        }
    }

    private static func make(
        _ fields: [String: String], _ patterns: [MXPattern], _ kept: [(key: String, value: String)],
        _ warn: (String, String) -> Void
    ) throws(PolicyError) -> Policy {
        guard let version = fields["version"] else { throw .missing("version") }
        guard version == "STSv1" else { throw .unknownVersion(version) }
        guard let modeText = fields["mode"] else { throw .missing("mode") }
        guard let mode = Mode(rawValue: modeText) else { throw .unknownMode(modeText) }
        guard let ageText = fields["max_age"] else { throw .missing("max_age") }
        guard !ageText.isEmpty, ageText.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .badMaxAge(ageText)
        }
        // Deviation: a large max_age is capped.
        // Digits only, so what does not fit an Int64 is merely very large.
        let published = Int64(ageText) ?? .max
        if published > maxAgeLimitSeconds { warn("max_age: \(ageText)", "capped to \(maxAgeLimitSeconds)") }
        guard mode == .none || !patterns.isEmpty else { throw .noValidMX }
        let age = min(published, maxAgeLimitSeconds)
        let lines = kept.map { line in
            "\(line.key): \(line.key == "max_age" && line.value.utf8.count > maxAgeOctets ? "\(age)" : line.value)\n"
        }
        return Policy(mode: mode, mx: patterns, maxAgeSeconds: age, text: lines.joined())
    }

    private static func withoutTrailingBlanks(_ line: Substring) -> Substring {
        var line = line.unicodeScalars
        while let last = line.last, last == " " || last == "\t" || last == "\r" { line.removeLast() }
        return Substring(line)
    }
}
