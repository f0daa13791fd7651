// SPDX-License-Identifier: Apache-2.0

/// One of several tables of a name, `[[rule]]` or `[[policy]]`: which of them, counted from 0.
package struct SettingsBlock: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case rule, policy

        /// Every key that such a block may have.
        var settings: [Setting] {
            switch self {
            case .rule: ruleSettingsTable
            case .policy: policySettingsTable
            }
        }

        /// What the TOML library sees. TOML does not let `[[policy]]` stand beside `[policy]`, and both names are fixed.
        var parsedName: String {
            switch self {
            case .rule: "rule"
            case .policy: "policy block"
            }
        }

        /// Reads a line such as `[[policy]]  # partners`.
        init?(header line: some StringProtocol) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            guard line.hasPrefix("[["), let end = line.firstIndex(of: "]") else { return nil }
            let name = line[line.index(line.startIndex, offsetBy: 2)..<end].filter { $0 != " " && $0 != "\t" }
            let rest = line[end...]
            guard rest.hasPrefix("]]"), let kind = Kind(rawValue: String(name)) else { return nil }
            let remark = rest.dropFirst(2).drop { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard remark.isEmpty || remark.hasPrefix("#") else { return nil }
            self = kind
        }
    }

    package let kind: Kind
    package let index: Int

    package init(kind: Kind, index: Int) {
        self.kind = kind
        self.index = index
    }

    /// The text with `[[policy]]` as ``Kind/parsedName``; every line keeps its number.
    static func separated(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            Kind(header: line) == .policy ? "[[\"\(Kind.policy.parsedName)\"]]" : String(line)
        }.joined(separator: "\n")
    }
}
