// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Control
import Daemon
import Settings

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "See and change the cached policies.",
        subcommands: [List.self, Show.self, Forget.self, Refresh.self, Export.self, Pin.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the policies of the settings and then the cached ones, one line each.")
        @OptionGroup var settings: SettingsOption

        func run() throws {
            let settings = try settings.read()
            let shelf = try StoredPolicies(settings)
            for pinned in settings.localPolicies.all { print(pinned.summary) }
            try shelf.forEach { print($0.summary) }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the cached policy of a domain, as published.")
        @Argument(help: "The policy domain.") var domain: String
        @OptionGroup var settings: SettingsOption

        func run() throws {
            let shelf = try StoredPolicies(try settings.read())
            guard let cached = try shelf.policy(for: try DomainName(domain)) else {
                printError("\(printable(domain)): no cached policy")
                throw ExitCode(1)
            }
            print(cached.summary)
            for line in cached.policy.lines { print("  " + printable(line)) }
        }
    }

    struct Forget: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drop cached policies. Mail to the domain is unprotected until its policy is fetched again.")
        @Argument(help: "Policy domains.") var domains: [String]
        @OptionGroup var settings: SettingsOption

        func run() throws { try PolicyCommand.carryOut(.forget, domains, try settings.read()) }
    }

    struct Refresh: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch policies now; the daemon also looks at MX hosts anew.")
        @Argument(help: "Policy domains.") var domains: [String]
        @OptionGroup var settings: SettingsOption

        func run() throws { try PolicyCommand.carryOut(.refresh, domains, try settings.read()) }
    }

    private static func carryOut(_ command: ControlRequest.Command, _ domains: [String], _ settings: Settings) throws {
        let names = try domains.map { try DomainName($0) }
        let reply = try blocking { try await PolicyOffice(settings).carryOut(command, names) }
        for line in reply.lines { print(line) }
        if !reply.succeeded { throw ExitCode(1) }
    }
}
