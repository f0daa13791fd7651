// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain what decides about mail to a domain.",
        discussion:
            "Exit code: 0 nothing is violated, 1 a route violates its policy, 2 could not tell. Of several domains the gravest counts: 1, then 2."
    )

    @Argument(help: "Domains to look at.")
    var domains: [String]

    @Flag(help: "Print JSON, an array with one object per domain.")
    var json = false

    @OptionGroup var settings: SettingsOption

    func validate() throws { _ = try domains.map(domainArgument) }

    func run() throws {
        let workspace = try settings.workspace("check")
        let names = try domains.map(domainArgument)
        let examiner = try runAndWait { try await Examiner(workspace) }
        defer { examiner.shutdown() }
        var examinations: [Examination] = []
        for name in names {
            let examination = runAndWait { await examiner.examine(name) }
            examinations.append(examination)
            if !json { print(ExaminationText(coloured: isColourTerminal).render(examination), terminator: "") }
        }
        if json { print(try sts_milter.json(examinations)) }
        let conclusions = examinations.map(\.conclusion)
        let gravest: Examination.Conclusion =
            conclusions.contains(.violating) ? .violating : conclusions.contains(.undecided) ? .undecided : .conforming
        if gravest != .conforming { throw ExitCode(gravest.exitCode) }
    }
}
