// SPDX-License-Identifier: Apache-2.0

/// The example file: every key with its meaning and default, all commented out.
package func exampleSettings() -> String {
    var lines = [
        "# /etc/sts-milter/sts-milter.toml",
        "# Every key is optional; what is commented out shows the default, or an example where there is none.",
        "# Durations: \"5s\", \"10m\", \"12h\", \"7d\". Check the file: sts-milter config check",
    ]
    var table = ""
    let defaults = Settings()
    for setting in Settings.keys {
        if setting.table != table {
            table = setting.table
            lines += ["", "[\(table)]"]
        }
        lines += [""] + entry(setting, defaults)
    }
    lines += ["", "# Rules: the first whose conditions all hold decides. Repeat the block for more."]
    lines += block(RuleBlock())
    lines += ["", "# Policies of your own: each outranks what its domain publishes. Repeat the block for more."]
    lines += block(PinBlock())
    return lines.joined(separator: "\n") + "\n"
}

private func block<Block: SettingsBlock>(_ defaults: Block) -> [String] {
    ["# [[\(Block.name)]]"] + Block.keys.flatMap { entry($0, defaults) }
}

private func entry<Table: SettingsTable>(_ setting: Setting<Table>, _ defaults: Table) -> [String] {
    wrapped(setting.summary).map { "# " + $0 } + ["#\(setting.name) = \(setting.shown(defaults))"]
}

/// Lines of at most a hundred characters.
private func wrapped(_ text: String) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
        if let last = lines.last, last.count + word.count < 100 {
            lines[lines.count - 1] = "\(last) \(word)"
        } else {
            lines.append(String(word))
        }
    }
    return lines
}
