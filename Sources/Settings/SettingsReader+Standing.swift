// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Discovery
import MTASTS
import Preload

extension SettingsReader {
    /// The blocks `[[policy]]`.
    mutating func localPolicies(warnings: inout [SettingsProblem]) -> LocalPolicies {
        var policies: [LocalPolicy] = []
        let now = SystemClock().now
        for (index, values) in (file.blocks[.policy] ?? []).enumerated() {
            let block = SettingsBlock(kind: .policy, index: index)
            guard let policy = localPolicy(values, block) else { continue }
            if policies.contains(where: { $0.domain == policy.domain }) {
                add(file.problem("domain", in: block, "another block is for \(policy.domain); keep one of them"))
            }
            if !policy.applies(at: now) {
                warnings.append(
                    file.problem("until", in: block, "\(policy.domain): has passed, the block does nothing"))
            } else if policy.policy.mode == .none, policy.until == nil {
                warnings.append(
                    file.problem(
                        "mode", in: block,
                        "\(policy.domain): unprotected without end; give the exception a last day with until"))
            }
            policies.append(policy)
        }
        return LocalPolicies(policies)
    }

    private mutating func localPolicy(_ values: [String: SettingsFile.Value], _ block: SettingsBlock) -> LocalPolicy? {
        func text(_ key: String) -> String? { if case .text(let text) = values[key] { text } else { nil } }
        var found: [SettingsProblem] = []
        func problem(_ key: String, _ text: String) { found.append(file.problem(key, in: block, text)) }
        var domain: DomainName?
        if let name = text("domain") {
            do throws(DomainNameError) { domain = try DomainName(name) } catch {
                problem("domain", "'\(printable(name, limit: 80))': \(error); write \"example.org\"")
            }
        } else {
            problem("domain", "missing; write the policy domain such as \"example.org\"")
        }
        let mode = text("mode").flatMap(Policy.Mode.init(rawValue:))
        if mode == nil, values["mode"] == nil { problem("mode", "missing; write \"enforce\", \"testing\" or \"none\"") }
        var patterns: [MXPattern] = []
        if case .list(let names) = values["mx"] {
            for name in names {
                do throws(DomainNameError) { patterns.append(try MXPattern(name)) } catch {
                    problem(
                        "mx",
                        "'\(printable(name, limit: 80))': \(error); write \"mx.example.org\" or \"*.example.org\"")
                }
            }
        }
        if let mode, mode != .none, patterns.isEmpty, found.isEmpty {
            problem("mx", "mode \(mode.rawValue) needs at least one MX host such as [\"mx.example.org\"]")
        }
        let until = text("until").flatMap { UTCDay($0) }
        if let day = text("until"), until == nil {
            problem("until", "'\(printable(day, limit: 40))' is not a day; write \"2026-12-31\"")
        }
        for problem in found { add(problem) }
        guard let domain, let mode, found.isEmpty else { return nil }
        return LocalPolicy(
            domain: domain, includesSubdomains: values["subdomains"] == .flag(true), mode: mode, mx: patterns,
            until: until, reason: text("reason"))
    }

    /// The table `[preload]`; nil without a source.
    mutating func preload() -> PreloadSettings? {
        guard let source = location("preload.source") else {
            if optionalText("preload.keyring") != nil, optionalText("preload.source") == nil {
                add(file.problem("preload.keyring", "does nothing without preload.source"))
            }
            return nil
        }
        guard let keyring = optionalText("preload.keyring"), keyring.hasPrefix("/") else {
            let key = optionalText("preload.keyring") == nil ? "preload.source" : "preload.keyring"
            add(
                file.problem(
                    key, "the keys that may sign the list are needed: preload.keyring = \"/etc/sts-milter/preload.gpg\""
                ))
            return nil
        }
        return PreloadSettings(
            source: source, signature: location("preload.signature"), keyring: keyring,
            interval: duration("preload.interval"), earlyAdopter: flag("preload.early_adopter"))
    }

    private mutating func location(_ key: String) -> PreloadSettings.Location? {
        guard let text = optionalText(key) else { return nil }
        let location = PreloadSettings.Location(text)
        let isGood =
            switch location {
            case .file(let path): path.hasPrefix("/")
            case .url(let url): WebPlace(url) != nil
            }
        if isGood { return location }
        add(
            file.problem(
                key,
                "'\(printable(text, limit: 80))': write an absolute path, or a URL such as \"https://lists.example.org/policy.json\""
            ))
        return nil
    }
}
