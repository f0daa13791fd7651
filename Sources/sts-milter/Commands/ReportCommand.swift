// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Make, send and follow the TLSRPT reports (RFC 8460), and keep those of others.",
        subcommands: [
            Build.self, Send.self, List.self, ReportShow.self, Allow.self, Export.self, Import.self, Receive.self,
            Received.self,
        ])
}
