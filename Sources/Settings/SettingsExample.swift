// SPDX-License-Identifier: Apache-2.0

/// The example file: every key with its meaning and default, all commented out.
package func exampleSettings() -> String {
    var lines = [
        "# /etc/sts-milter/sts-milter.toml",
        "# Every key is optional; what is commented out shows the default, or an example where there is none.",
        "# Durations: \"5s\", \"10m\", \"12h\", \"7d\". Check the file: sts-milter config check",
    ]
    var table = ""
    for setting in settingsTable where setting.isServed {
        if setting.table != table {
            table = setting.table
            lines += ["", "[\(table)]"]
        }
        lines += [""] + entry(setting)
    }
    lines += ["", "# Rules: the first whose conditions all hold decides. Repeat the block for more.", "# [[rule]]"]
    for setting in ruleSettingsTable { lines += entry(setting) }
    lines += [
        "", "# Policies of your own: each outranks what its domain publishes. Repeat the block for more.",
        "# [[policy]]",
    ]
    for setting in policySettingsTable { lines += entry(setting) }
    return lines.joined(separator: "\n") + "\n"
}

private func entry(_ setting: Setting) -> [String] {
    let value = setting.defaultValue ?? setting.example ?? "\"\""
    return wrapped(setting.summary).map { "# " + $0 } + ["#\(setting.name) = \(value)"]
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
