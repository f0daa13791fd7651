// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What the program says of its own commands: the answer to `--experimental-dump-help`.
struct HelpDump: Decodable {
    struct Name: Decodable {
        let kind: String
        let name: String
    }

    struct Argument: Decodable {
        let kind: String
        let names: [Name]?
    }

    struct Command: Decodable {
        let commandName: String
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    let command: Command

    static func read() throws -> HelpDump {
        let result = try Project.run(nil, ["--experimental-dump-help"])
        return try JSONDecoder().decode(HelpDump.self, from: Data(result.output.utf8))
    }

    /// Options that all commands have stand once, not at each.
    static let common: Set<String> = ["config", "no-config", "help", "version"]

    /// Each command that does something, such as `policy show`, and its own options without dashes.
    func commands() -> [String: Set<String>] {
        var found: [String: Set<String>] = [:]
        func walk(_ command: Command, _ path: [String]) {
            let commands = command.subcommands ?? []
            for one in commands where one.commandName != "help" { walk(one, path + [one.commandName]) }
            guard commands.isEmpty else { return }
            let names = (command.arguments ?? []).flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name)
            found[path.joined(separator: " ")] = Set(names).subtracting(Self.common)
        }
        walk(command, [])
        return found
    }
}
