// SPDX-License-Identifier: Apache-2.0

/// The keys of one `[[policy]]`: a policy that the operator gives for a domain.
package let policySettingsTable: [Setting] = [
    Setting(
        "domain", .text, nil, "The policy domain: that of the addresses, or the next hop.", example: "\"example.org\""),
    Setting(
        "subdomains", .flag, nil, "Whether all domains below are meant too, unless they have a block of their own.",
        example: "true"),
    Setting(
        "mode", .choice(["enforce", "testing", "none"]), nil,
        "enforce and testing as in a published policy; none lets mail go whatever the domain publishes.",
        example: "\"enforce\""),
    Setting(
        "mx", .list, nil, "The MX hosts that may take the mail; \"*.\" stands for one label. Not needed with none.",
        example: "[\"mx.example.org\", \"*.example.net\"]"),
    Setting("until", .text, nil, "The last day on which it applies, UTC.", example: "\"2026-12-31\""),
    Setting("reason", .text, nil, "Why it is there, for the next administrator.", example: "\"contract 4711\""),
]
