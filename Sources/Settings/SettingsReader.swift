// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Milter

/// Takes values out of a settings file, the default where none is given, and gathers what is wrong with them.
struct SettingsReader {
    let file: SettingsFile
    private(set) var problems: [SettingsProblem]
    private let defaults: [String: SettingsFile.Value]

    init(_ file: SettingsFile) {
        self.file = file
        // The defaults are TOML like the file's own values, and read by the same code: the table cannot drift from them.
        let text = settingsTable.compactMap { setting in setting.defaultValue.map { "\(setting.key) = \($0)" } }
        do {
            let table = try SettingsFile(text: text.joined(separator: "\n"), name: "the table of settings")
            defaults = table.values
            problems = file.problems + table.problems
        } catch {
            defaults = [:]
            problems = error.problems
        }
    }

    private func value(_ key: String) -> SettingsFile.Value? { file.values[key] ?? defaults[key] }

    func optionalText(_ key: String) -> String? { if case .text(let text) = value(key) { text } else { nil } }

    func text(_ key: String) -> String { optionalText(key) ?? "" }

    func flag(_ key: String) -> Bool { if case .flag(let flag) = value(key) { flag } else { false } }

    func number(_ key: String) -> Int { if case .number(let number) = value(key) { number } else { 0 } }

    func duration(_ key: String) -> Duration {
        if case .duration(let duration) = value(key) { duration } else { .zero }
    }

    func list(_ key: String) -> [String] { if case .list(let list) = value(key) { list } else { [] } }

    mutating func octal(_ key: String) -> UInt32? {
        guard let text = optionalText(key) else { return nil }
        if let mode = UInt32(text, radix: 8), mode <= 0o777 { return mode }
        problems.append(file.problem(key, "must be an octal mode such as \"0660\""))
        return nil
    }

    /// Adds a problem with the value of a key.
    mutating func report(_ key: String, _ text: String) { problems.append(file.problem(key, text)) }

    mutating func listenAddress(_ key: String) -> ListenAddress? {
        do throws(ListenAddressError) { return try ListenAddress(text(key)) } catch {
            problems.append(file.problem(key, "\(error)"))
            return nil
        }
    }

    mutating func heloName(_ key: String) -> DomainName {
        if let text = optionalText(key) {
            do throws(DomainNameError) { return try DomainName(text) } catch {
                problems.append(file.problem(key, "\(error); write a host name such as \"mta.example.org\""))
            }
        }
        if let name = try? DomainName(ProcessInfo.processInfo.hostName) { return name }
        guard let name = try? DomainName("localhost") else { preconditionFailure("localhost is a name") }
        return name
    }

    mutating func add(_ problem: SettingsProblem) { problems.append(problem) }

    mutating func rules() -> [Rule] {
        var rules: [Rule] = []
        for (index, values) in (file.blocks[.rule] ?? []).enumerated() {
            if let rule = rule(values, index) { rules.append(rule) }
        }
        return rules
    }

    private mutating func rule(_ values: [String: SettingsFile.Value], _ index: Int) -> Rule? {
        func text(_ key: String) -> String? { if case .text(let text) = values[key] { text } else { nil } }
        let exempt = values["exempt"] == .flag(true)
        let onViolation = text("on_violation").flatMap(ViolationAction.init(rawValue:))
        let onUnknown = text("on_unknown").flatMap(UnknownAction.init(rawValue:))
        let onUnproven = text("on_unproven").flatMap(UnknownAction.init(rawValue:))
        guard exempt != (onViolation != nil || onUnknown != nil || onUnproven != nil) else {
            problems.append(
                file.problem(
                    "rule", in: SettingsBlock(kind: .rule, index: index),
                    "must have exempt = true, or on_violation, on_unknown or on_unproven"))
            return nil
        }
        var rule = Rule(
            action: exempt
                ? .exempt : .act(onViolation: onViolation, onUnknown: onUnknown, onUnproven: onUnproven))
        rule.daemonName = text("daemon_name")
        if case .number(let port) = values["port"] { rule.port = UInt16(exactly: port) }
        if case .flag(let authenticated) = values["authenticated"] { rule.authenticated = authenticated }
        rule.senderDomain = pattern("sender_domain", text("sender_domain"), index)
        rule.recipientDomain = pattern("recipient_domain", text("recipient_domain"), index)
        if case .list(let networks) = values["client"] {
            for network in networks {
                if let network = IPNetwork(network) {
                    rule.clientNetworks.append(network)
                } else {
                    problems.append(
                        file.problem(
                            "client", in: SettingsBlock(kind: .rule, index: index),
                            "'\(printable(network, limit: 60))' is not a network; write \"192.0.2.0/24\""))
                }
            }
        }
        return rule
    }

    private mutating func pattern(_ key: String, _ text: String?, _ index: Int) -> DomainPattern? {
        guard let text else { return nil }
        do throws(DomainNameError) { return try DomainPattern(text) } catch {
            problems.append(
                file.problem(
                    key, in: SettingsBlock(kind: .rule, index: index),
                    "\(error); write \"example.org\" or \".example.org\""))
            return nil
        }
    }
}
