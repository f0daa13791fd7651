// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import MTASTS
import TLSRPT

struct Publish: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the records and the policy that a domain of yours publishes, made from its MX hosts.",
        discussion: """
            The hosts are looked at, and what is wrong with them is said. Nothing is published. \
            Exit code: 0 all hosts are good, 1 one is not, 2 not all could be looked at.
            """)

    @Argument(help: "The domain, the part behind the @ of its addresses.")
    var domain: String

    @Option(
        help: "The mode of the policy: testing first, enforce later, none to take it back.",
        completion: .list(["testing", "enforce", "none"]))
    var mode = Policy.Mode.testing

    @Option(help: ArgumentHelp("Where reports go, mailto: or https:. Default: tlsrpt@ the domain.", valueName: "uri"))
    var rua: String?

    @OptionGroup var settings: SettingsOption

    func validate() throws { _ = (try domainArgument(domain), try destination) }

    private var destination: ReportDestination? {
        get throws {
            try rua.map { text throws in
                do { return try ReportDestination(text) } catch {
                    let isAddress = text.utf8.contains(UInt8(ascii: "@")) && !text.utf8.contains(UInt8(ascii: ":"))
                    let cure = isAddress ? "; write mailto:\(printable(text))" : ""
                    throw ValidationError("--rua \(printable(text)): \(error)\(cure)")
                }
            }
        }
    }

    func run() throws {
        let workspace = try settings.workspace("publish")
        let (name, destination) = (try domainArgument(domain), try destination)
        let examiner = try runAndWait { try await Examiner(workspace) }
        defer { examiner.shutdown() }
        let seen = runAndWait { await examiner.examine(name) }
        guard
            let publication = Publication(
                of: name, seen, mode: mode, reportsTo: destination, at: SystemClock().now)
        else {
            let problem = seen.routeProblem ?? "no MX host"
            printError("\(name): no policy is made: \(problem)")
            throw ExitCode(2)
        }
        print(publication.text, terminator: "")
        if publication.exitCode != 0 { throw ExitCode(publication.exitCode) }
    }
}

extension Policy.Mode: ExpressibleByArgument {}

/// Reads the name of a domain.
func domainArgument(_ text: String) throws -> DomainName {
    do { return try DomainName(text) } catch {
        let behind = text.split(separator: "@").last.map(String.init) ?? ""
        let cure =
            text.utf8.contains(UInt8(ascii: "@")) && (try? DomainName(behind)) != nil
            ? "; give the part behind the @: \(behind)" : ""
        throw ValidationError("\(printable(text)): \(error)\(cure)")
    }
}
