// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FoundationEssentials
import MTACheck
import MTASetup
import Processes

struct SetupPostfix: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postfix", abstract: "Milter, policy map, deliveries and reports, for Postfix on this machine.")

    @OptionGroup var arguments: SetupArguments

    @Option(
        help: ArgumentHelp(
            "Postfix's configuration directory. Default: the one that postconf takes.", valueName: "folder"),
        completion: .directory)
    var configDir: String?

    @Option(
        help: ArgumentHelp("The postconf program, where there are several Postfixes.", valueName: "program"),
        completion: .file())
    var postconf: String?

    func run() throws {
        try arguments.run(
            "postfix",
            read: { [configDir, postconf] () async throws(MTAUnreadable) in
                try await MTAReader.postfix(directory: configDir, postconf: postconf)
            }, plan: PostfixSetup.plan, control: control, report: MTAReport.init)
    }

    /// - Parameter kept: the backup, whose Postfixes are all reloaded.
    private func control(_ facts: PostfixFacts, undoing kept: SetupBackup?) throws -> any MTAControl {
        let place = ["-c", facts.directory]
        let directories = try kept?.postfixDirectories ?? [facts.directory]
        return PostfixControl(
            main: facts.mainFile, postconf: Program(postconf ?? program("postconf", facts), place),
            postmap: Program(program("postmap", facts), place),
            reloads: arguments.reload.map { [.shell($0)] }
                ?? directories.map { Program(program("postfix", facts), ["-c", $0, "reload"]) })
    }

    /// A program of that Postfix: beside the postconf that was named, or where its configuration says.
    private func program(_ name: String, _ facts: PostfixFacts) -> String {
        if let postconf {
            let beside = URL(fileURLWithPath: postconf).deletingLastPathComponent().appendingPathComponent(name).path
            if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        }
        return (facts["command_directory"].isEmpty ? "/usr/sbin" : facts["command_directory"]) + "/" + name
    }
}
