// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FoundationEssentials
import MTACheck
import MTASetup
import Processes

struct SetupSendmail: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sendmail", abstract: "Milter, policy map, deliveries and reports, for Sendmail on this machine.")

    @OptionGroup var arguments: SetupArguments

    @Option(help: ArgumentHelp("The source of Sendmail's configuration.", valueName: "file"), completion: .file())
    var mc = "/etc/mail/sendmail.mc"

    @Option(help: ArgumentHelp("The file that Sendmail reads.", valueName: "file"), completion: .file())
    var cf = "/etc/mail/sendmail.cf"

    @Option(
        help: ArgumentHelp(
            "How the one is made of the other, by sh(1). Default: make -C in its folder, or m4 where there is no Makefile.",
            valueName: "command")
    )
    var build: String?

    @Option(
        help: ArgumentHelp(
            "The folder of Sendmail's features. Default: beside the cf.m4 that the source includes.",
            valueName: "folder"), completion: .directory)
    var features: String?

    @Option(help: ArgumentHelp("The sendmail program, for its test mode.", valueName: "program"), completion: .file())
    var sendmail: String?

    func run() throws {
        try arguments.run(
            "sendmail",
            read: { [cf, sendmail] () async throws(MTAUnreadable) in
                try await MTAReader.sendmail(file: cf, program: sendmail)
            },
            plan: { facts, options in
                guard let text = FileManager.default.contents(atPath: mc) else {
                    throw SetupError("\(mc) cannot be read; name another with --mc")
                }
                return try SendmailSetup.plan(
                    for: facts,
                    SendmailSetup.Source(file: mc, text: String(decoding: text, as: UTF8.self), features: features),
                    options)
            },
            control: control, report: MTAReport.init)
    }

    private func control(_: SendmailFacts, undoing _: SetupBackup?) -> any MTAControl {
        SendmailControl(
            macros: mc, configuration: cf, program: sendmail ?? MTAReader.systemSendmail ?? "/usr/sbin/sendmail",
            build: build,
            reload: arguments.reload.map { .shell($0) } ?? Program("/usr/bin/systemctl", ["restart", "sendmail"]))
    }
}
