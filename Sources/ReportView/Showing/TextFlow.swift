// SPDX-License-Identifier: Apache-2.0

/// Phrases in lines of at most `width` characters, broken between phrases where it can be.
///
/// The phrases are ASCII without control characters.
func flow(_ phrases: [String], width: Int) -> [String] {
    let width = max(width, 1)
    var lines: [String] = []
    var line = ""
    for phrase in phrases {
        if !line.isEmpty, line.utf8.count + 1 + phrase.utf8.count <= width {
            line += " " + phrase
            continue
        }
        if !line.isEmpty { lines.append(line) }
        var rest = phrase[...]
        while rest.utf8.count > width {
            let head = rest.prefix(width)
            // Between words, unless that leaves most of the line empty.
            let cut =
                head.lastIndex(of: " ").map { head[..<$0] }.flatMap { $0.utf8.count > width / 2 ? $0 : nil } ?? head
            lines.append(String(cut))
            rest = rest[cut.endIndex...].drop { $0 == " " }
        }
        line = String(rest)
    }
    if !line.isEmpty || lines.isEmpty { lines.append(line) }
    return lines
}

func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
}

func rightAligned(_ text: String, in width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
}
