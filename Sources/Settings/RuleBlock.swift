// SPDX-License-Identifier: Apache-2.0
import Basics
import Milter

/// One `[[rule]]`: all conditions given must hold, the first rule that matches counts.
package struct RuleBlock: SettingsBlock {
    package static let name = "rule"

    package init() {}

    /// The conditions; the action is made of the keys below.
    private(set) var rule = Rule(action: .exempt)
    private(set) var exempt = false
    private(set) var onViolation: ViolationAction?
    private(set) var onUnknown: UnknownAction?
    private(set) var onUnproven: UnknownAction?

    package static let keys: [Setting<RuleBlock>] = [
        Setting("daemon_name", .text, to: \.rule.daemonName, example: "\"ORIGINATING\"", "The MTA's {daemon_name}."),
        Setting(
            "port", .number(1...65_535), to: \.rule.port, example: "587", "The port on which the MTA took the mail."),
        Setting(
            "client", .list(of: .network), to: \.rule.clientNetworks, example: "[\"192.0.2.0/24\", \"2001:db8::/32\"]",
            "Networks of the client."),
        Setting("authenticated", .flag, to: \.rule.authenticated, example: "true", "Whether the client logged in."),
        Setting(
            "sender_domain", .domainPattern, to: \.rule.senderDomain, example: "\"example.org\"",
            "Domain of the sender; with a leading dot, all domains below it."),
        Setting(
            "recipient_domain", .domainPattern, to: \.rule.recipientDomain, example: "\".example.net\"",
            "Domain of the recipient; with a leading dot, all domains below it."),
        Setting("exempt", .flag, to: \.exempt, example: "true", "Do not judge at all."),
        Setting("on_violation", .choice, to: \.onViolation, example: "\"log\"", "Instead of the general on_violation."),
        Setting("on_unknown", .choice, to: \.onUnknown, example: "\"accept\"", "Instead of the general on_unknown."),
        Setting("on_unproven", .choice, to: \.onUnproven, example: "\"accept\"", "Instead of the general on_unproven."),
    ]

    /// The rule; nil if the block says both or neither of what a rule can do.
    fileprivate var complete: Rule? {
        let acts = onViolation != nil || onUnknown != nil || onUnproven != nil
        guard exempt != acts else { return nil }
        var rule = rule
        if acts { rule.action = .act(onViolation: onViolation, onUnknown: onUnknown, onUnproven: onUnproven) }
        return rule
    }
}

extension SettingsReader {
    /// The blocks `[[rule]]`.
    mutating func rules() -> [Rule] {
        var rules: [Rule] = []
        for (block, place, isGood) in blocks(RuleBlock.self) {
            if let rule = block.complete {
                if rule.isUnconditional, isGood {
                    refuse(
                        place,
                        "has no condition, so that it is for all mail: write one, or for all mail on_violation and its like above, outside of rules"
                    )
                }
                rules.append(rule)
            } else if block.exempt, let action = action(in: place) {
                refuse(place, "has both exempt and \(action); keep one of them")
            } else if isGood || !saysAction(place) {
                refuse(place, "must have exempt = true, or on_violation, on_unknown or on_unproven")
            }
        }
        return rules
    }

    private func saysAction(_ place: SettingsBlockPlace) -> Bool {
        has(\RuleBlock.exempt, in: place) || action(in: place) != nil
    }

    /// The first key that says what is done with mail that is judged.
    private func action(in place: SettingsBlockPlace) -> String? {
        let actions: [(PartialKeyPath<RuleBlock>, String)] = [
            (\.onViolation, "on_violation"), (\.onUnknown, "on_unknown"), (\.onUnproven, "on_unproven"),
        ]
        return actions.first { has($0.0, in: place) }?.1
    }
}
