// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what was decided about a message, on what evidence, and what became of it.",
        discussion: """
            From what the daemon has written; it need not run. Exit code: 0 something is known, 1 nothing is.
            """)

    @Argument(help: ArgumentHelp("The queue id, as the MTA's log or queue listing has it.", valueName: "queue-id"))
    var queueID: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var settings: SettingsOption

    func validate() throws {
        guard queueID.firstRange(of: "NOQUEUE") != nil || QueueID(queueID) != nil else {
            throw ValidationError("\(printable(queueID, limit: 80)): no queue id, which is letters and digits")
        }
    }

    func run() throws {
        if queueID.firstRange(of: "NOQUEUE") != nil {
            printError(
                "NOQUEUE is no queue id: the log has it where a recipient was refused, or the client left, before the MTA gave one. The line itself says why, and what is so now: sts-milter check RECIPIENT-DOMAIN"
            )
            throw ExitCode.failure
        }
        guard let id = QueueID(queueID) else { throw ExitCode(ExitCodes.usage) }
        let workspace = try settings.workspace("explain", level: .warning)
        let explanation = try runAndWait { try await Explanation(of: id, in: workspace) }
        let text = ExplanationText(keptFor: workspace.settings.explainFor).render(explanation)
        if json { print(try sts_milter.json(explanation)) }
        guard explanation.isKnown else {
            // To standard error where JSON is awaited.
            if json { writeError(text) } else { print(text, terminator: "") }
            throw ExitCode.failure
        }
        if !json { print(text, terminator: "") }
    }
}
