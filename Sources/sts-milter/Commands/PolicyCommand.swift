// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Control
import Daemon

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "See and change the cached policies.",
        subcommands: [List.self, Show.self, Forget.self, Refresh.self, Export.self, Pin.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the policies of the settings and then the cached ones, one line each.")
        @Flag(help: "Print JSON: an array, one policy a line.")
        var json = false

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let workspace = try settings.workspace("policy")
            let stored = try StoredPolicies(workspace)
            guard json else {
                var isEmpty = true
                func write(_ summary: String) {
                    print(summary)
                    isEmpty = false
                }
                for pinned in workspace.settings.localPolicies.all { write(pinned.summary) }
                try stored.forEach { write($0.summary) }
                if isEmpty { printError("no policies: none in the settings, none cached") }
                return
            }
            // A piece at a time: there may be a million.
            var separator = "["
            func write(_ entry: PolicyEntry) {
                print("\(separator)\n\(entry.json)", terminator: "")
                separator = ","
            }
            for pinned in workspace.settings.localPolicies.all { write(PolicyEntry(pinned)) }
            try stored.forEach { write(PolicyEntry($0)) }
            print(separator == "[" ? "[]" : "\n]")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the cached policy of a domain, as published.")
        @Argument(help: "The policy domain.") var domain: String
        @Flag(help: "Print JSON, one object.")
        var json = false
        @OptionGroup var settings: SettingsOption

        func validate() throws { _ = try domainArgument(domain) }

        func run() throws {
            let workspace = try settings.workspace("policy")
            let name = try domainArgument(domain)
            let stored = try StoredPolicies(workspace)
            let isPinned = PolicyCommand.notePin(of: name, workspace)
            guard let cached = try stored.policy(for: name) else {
                printError("\(name): no cached policy")
                if isPinned { return }
                throw ExitCode(1)
            }
            guard !json else { return print(PolicyEntry(cached).json) }
            print(cached.summary)
            for line in cached.policy.lines { print("  " + printable(line)) }
        }
    }

    struct Forget: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drop cached policies. Mail to the domain is unprotected until its policy is fetched again.")
        @Argument(help: "Policy domains.") var domains: [String]
        @OptionGroup var settings: SettingsOption

        func validate() throws { _ = try domains.map(domainArgument) }

        func run() throws {
            try PolicyCommand.change(.forget, domains, try settings.workspace("policy")) { await $0.forget($1) }
        }
    }

    struct Refresh: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch policies now; the daemon also looks at MX hosts anew.")
        @Argument(help: "Policy domains.") var domains: [String]
        @OptionGroup var settings: SettingsOption

        func validate() throws { _ = try domains.map(domainArgument) }

        func run() throws {
            try PolicyCommand.change(.refresh, domains, try settings.workspace("policy")) { try await $0.refresh($1) }
        }
    }

    /// Has the running daemon carry the command out.
    /// - Parameter atRest: carries it out on the stored policies if none is running.
    private static func change(
        _ command: ControlRequest.Command, _ domains: [String], _ workspace: Workspace,
        atRest: @escaping @Sendable (StoredPolicies, [DomainName]) async throws -> ControlReply
    ) throws {
        let names = try domains.map(domainArgument)
        let reply = try runAndWait {
            if let reply = try await workspace.askDaemon(command, names) { return reply }
            return try await atRest(try StoredPolicies(workspace), names)
        }
        for line in reply.lines { print(line) }
        for name in names { notePin(of: name, workspace) }
        if !reply.succeeded { throw ExitCode(1) }
    }

    /// Says so if the settings have a policy for the domain, which outranks what is cached.
    @discardableResult
    private static func notePin(of domain: DomainName, _ workspace: Workspace) -> Bool {
        guard let pin = workspace.settings.localPolicies.entry(for: domain, at: SystemClock().now) else { return false }
        printError("the settings outrank what is cached: \(pin.summary)")
        return true
    }
}
