// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Core
import Daemon
import Preload
import Settings

extension PolicyCommand {
    /// `policy export`: the cached policies for others, who then need not trust a first use.
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the cached enforce and testing policies as a preload list.",
            discussion:
                "The list has the format of STARTTLS Everywhere. Sign it with: gpg --armor --detach-sign FILE. Others name list and key in [preload]."
        )

        @Option(
            name: .customLong("preload"),
            help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"), completion: .file())
        var file: String

        @Option(
            help: ArgumentHelp(
                "How long the list is valid, such as 30d. A new one must follow before it ends.", valueName: "time"))
        var expires = "30d"

        @Option(help: ArgumentHelp("Who makes the list. Default: report.organization_name.", valueName: "name"))
        var author: String?

        @OptionGroup var settings: SettingsOption

        func validate() throws { _ = try lifetime }

        private var lifetime: Duration {
            get throws {
                guard let lifetime = Duration(written: expires), lifetime > .zero else {
                    throw ValidationError("--expires \(printable(expires)): write a duration such as 30d")
                }
                return lifetime
            }
        }

        func run() throws {
            let lifetime = try lifetime
            let workspace = try settings.workspace("policy")
            var policies: [CachedPolicy] = []
            try StoredPolicies(workspace).forEach { policies.append($0) }
            let (list, skipped) = PreloadList.make(
                of: policies, at: SystemClock().now, lifetime: lifetime,
                author: author ?? workspace.settings.reports.reporting.organizationName)
            for line in skipped { printError("left out: \(line)") }
            guard file != "-" else { return print(list.json, terminator: "") }
            do { try RegularFile.replace(file, with: Array(list.json.utf8)) } catch {
                printError("\(printable(file)): cannot be written: \(error)")
                throw ExitCode(1)
            }
            print(
                "\(file): \(list.policies.count) policies, expires \(list.expires); sign it: gpg --armor --detach-sign \(file)"
            )
        }
    }

    /// `policy pin`: pins are settings, so that they outlive the cache and are seen where all else is set.
    struct Pin: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the block that pins a policy, to be added to the settings file.",
            discussion: "A pinned policy outranks what its domain publishes. It is in force after a reload (SIGUSR1).")

        @Argument(help: "The policy domain.") var domain: String
        @Option(help: "enforce, testing or none.", completion: .list(["enforce", "testing", "none"])) var mode =
            "enforce"
        @Option(
            help: ArgumentHelp("An MX host, such as mx.example.org or *.example.org; once for each.", valueName: "host")
        )
        var mx: [String] = []
        @Option(help: ArgumentHelp("The last day on which it applies, UTC, such as 2026-12-31.", valueName: "date"))
        var until: String?
        @Option(help: ArgumentHelp("Why.", valueName: "text")) var reason: String?
        @Flag(help: "All domains below are meant too.") var subdomains = false
        @OptionGroup var settings: SettingsOption

        func run() throws {
            var lines = ["[[pin]]", "domain = \(quotedText(domain))"]
            if subdomains { lines.append("subdomains = true") }
            lines.append("mode = \(quotedText(mode))")
            if !mx.isEmpty { lines.append("mx = [\(mx.map(quotedText).joined(separator: ", "))]") }
            if let until { lines.append("until = \(quotedText(until))") }
            if let reason { lines.append("reason = \(quotedText(reason))") }
            let block = lines.joined(separator: "\n") + "\n"
            do {
                let read = try Settings(SettingsFile(text: block, name: "pin"))
                for warning in read.warnings { printError(warning.text) }
                if let last = read.localPolicies.all.first?.until, last < SystemClock().now.day {
                    printError("--until \(last) is over")
                    throw ExitCode.validationFailure
                }
            } catch let error as SettingsError {
                for problem in error.problems { printError(problem.text) }
                throw ExitCode.validationFailure
            }
            let pinned = try settings.read().localPolicies.all
            if let name = try? DomainName(domain), pinned.contains(where: { $0.domain == name }) {
                printError("\(settings.path) already has a block for \(name); replace it")
            }
            print(block, terminator: "")
            printError(
                "nothing is changed yet: add this to the settings, and have them reloaded (systemctl reload sts-milter)"
            )
        }
    }
}
