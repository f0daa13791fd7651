// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// One `[[pin]]`: a policy that the operator gives for a domain.
package struct PinBlock: SettingsBlock {
    package static let name = "pin"

    package init() {}

    private(set) var domain: DomainName?
    private(set) var includesSubdomains = false
    private(set) var mode: Policy.Mode?
    private(set) var mx: [MXPattern] = []
    private(set) var until: UTCDay?
    private(set) var reason: String?

    package static let keys: [Setting<PinBlock>] = [
        Setting(
            "domain", .domain(such: "example.org"), to: \.domain, example: "\"example.org\"",
            "The policy domain: that of the addresses, or the next hop."),
        Setting(
            "subdomains", .flag, to: \.includesSubdomains, example: "true",
            "Whether all domains below are meant too, unless they have a block of their own."),
        Setting(
            "mode", .choice, to: \.mode, example: "\"enforce\"",
            "enforce and testing as in a published policy; none lets mail go whatever the domain publishes."),
        Setting(
            "mx", .list(of: .mxPattern), to: \.mx, example: "[\"mx.example.org\", \"*.example.net\"]",
            "The MX hosts that may take the mail; \"*.\" stands for one label. Not needed with none."),
        Setting("until", .day, to: \.until, example: "\"2026-12-31\"", "The last day on which it applies, UTC."),
        Setting(
            "reason", .text, to: \.reason, example: "\"contract 4711\"", "Why it is there, for the next administrator."),
    ]
}

extension SettingsReader {
    /// The blocks `[[pin]]`.
    mutating func pins(at now: UTCTime) -> LocalPolicies {
        var policies: [LocalPolicy] = []
        for (block, place, isGood) in blocks(PinBlock.self) {
            guard let policy = policy(block, place, isGood: isGood) else { continue }
            if policies.contains(where: { $0.domain == policy.domain }) {
                refuse(\PinBlock.domain, in: place, "another block is for \(policy.domain); keep one of them")
            }
            warn(of: policy, at: now, place)
            policies.append(policy)
        }
        return LocalPolicies(policies)
    }

    private mutating func policy(_ block: PinBlock, _ place: SettingsBlockPlace, isGood: Bool) -> LocalPolicy? {
        if !has(\PinBlock.domain, in: place) {
            refuse(\PinBlock.domain, in: place, "missing; write the policy domain such as \"example.org\"")
        }
        if !has(\PinBlock.mode, in: place) {
            refuse(\PinBlock.mode, in: place, "missing; write \"enforce\", \"testing\" or \"none\"")
        }
        guard isGood, let domain = block.domain, let mode = block.mode else { return nil }
        guard mode == .none || !block.mx.isEmpty else {
            refuse(
                \PinBlock.mx, in: place, "mode \(mode.rawValue) needs at least one MX host such as [\"mx.example.org\"]"
            )
            return nil
        }
        return LocalPolicy(
            domain: domain, includesSubdomains: block.includesSubdomains, mode: mode, mx: block.mx, until: block.until,
            reason: block.reason)
    }

    private mutating func warn(of policy: LocalPolicy, at now: UTCTime, _ place: SettingsBlockPlace) {
        if !policy.applies(at: now) {
            warn(\PinBlock.until, in: place, "\(policy.domain): has passed, the block does nothing")
        } else if policy.policy.mode == .none, policy.until == nil {
            warn(
                \PinBlock.mode, in: place,
                "\(policy.domain): unprotected without end; give the exception a last day with until")
        }
    }
}
