// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics

/// A word on the command line where a command is awaited, and that is none.
struct WrongCommand {
    /// What others call what we have, or what belongs to systemd.
    private static let others = [
        "reload": "systemctl reload sts-milter", "restart": "systemctl restart sts-milter",
        "stop": "systemctl stop sts-milter", "start": "systemctl start sts-milter, or sts-milter serve",
        "run": "sts-milter serve", "daemon": "sts-milter serve", "test": "sts-milter check",
        "query": "sts-milter check", "lookup": "sts-milter check",
        "cache": "sts-milter policy list", "list": "sts-milter policy list",
        "version": "sts-milter --version",
    ]
    /// Letters that may be wrong.
    private static let maxDistance = 2

    let word: String
    /// The commands before it, `sts-milter` first.
    let path: [String]
    let near: [String]
    /// Whether it is a command to be explained, of which the parser says nothing.
    let isForHelp: Bool

    /// The first of them; nil if there is none.
    static func find(in arguments: [String], of root: any ParsableCommand.Type) -> WrongCommand? {
        let isForHelp = arguments.first == "help"
        var choices = subcommands(of: root)
        var path = [name(of: root)]
        for word in arguments.dropFirst(isForHelp ? 1 : 0) {
            guard !choices.isEmpty, !word.hasPrefix("-") else { return nil }
            guard let next = choices.first(where: { $0.name == word }) else {
                let near = near(word, of: choices.map(\.name), after: path)
                return WrongCommand(word: word, path: path, near: near, isForHelp: isForHelp)
            }
            choices = subcommands(of: next.command)
            path.append(word)
        }
        return nil
    }

    private static func subcommands(
        of command: any ParsableCommand.Type
    ) -> [(name: String, command: any ParsableCommand.Type)] {
        command.configuration.subcommands.map { (name(of: $0), $0) }
    }

    private static func name(of command: any ParsableCommand.Type) -> String { command._commandName }

    /// What may have been meant.
    private static func near(_ word: String, of names: [String], after path: [String]) -> [String] {
        let alike = names.filter { editDistance($0, word) <= maxDistance || $0.hasPrefix(word) }
        let other = path.count == 1 ? others[word] : nil
        return alike.map { (path + [$0]).joined(separator: " ") } + (other.map { [$0] } ?? [])
    }

    var text: String {
        let hint = near.isEmpty ? "" : "; did you mean: \(near.joined(separator: ", or: "))"
        return "no command '\(printable(word, limit: 80))'\(hint)\nAll commands: \(path.joined(separator: " ")) --help"
    }

    /// Says so, and ends the program.
    func end() -> Never {
        printError(text)
        STSMilter.exit(withError: ExitCode(ExitCodes.usage))
    }
}
