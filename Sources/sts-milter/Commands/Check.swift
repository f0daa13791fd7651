// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import Logging

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

    func run() throws {
        let settings = try settings.read()
        let names = try domains.map { text throws in
            do { return try DomainName(text) } catch { throw ValidationError("\(printable(text)): \(error)") }
        }
        let logger = Logger(label: "check") { StreamLogHandler.standardError(label: $0) }
        let examiner = try blocking { try await Examiner(settings, logger: logger) }
        defer { examiner.shutdown() }
        var examinations: [Examination] = []
        for name in names {
            let examination = blocking { await examiner.examine(name) }
            examinations.append(examination)
            if !json { print(ExaminationText(coloured: isColourTerminal).render(examination), terminator: "") }
        }
        if json { print(try sts_milter.json(examinations)) }
        let conclusions = examinations.map(\.conclusion)
        let gravest: Examination.Conclusion =
            conclusions.contains(.violating) ? .violating : conclusions.contains(.undecided) ? .undecided : .conforming
        if gravest != .conforming { throw ExitCode(gravest.rawValue) }
    }
}
