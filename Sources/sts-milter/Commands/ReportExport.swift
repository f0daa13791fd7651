// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Basics
import Daemon
import Glibc

extension ReportCommand {
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write what was counted to a file, for another machine that makes the reports.",
            discussion: """
                From then on the days are not reported here. A day whose reports are begun here is not exported. What is \
                counted later for a day is in its next export, which takes the place of the one before.
                """)

        @Option(
            help: ArgumentHelp(
                "Only this UTC day, such as 2026-11-23. Default: the last 7 finished days.", valueName: "date"))
        var day: String?

        @Flag(help: "Report the day here after all, if no machine has imported it. Needs --day, and no file.")
        var takeBack = false

        @Flag(help: "The store, or the machine-id, has moved: take it for this machine's.")
        var moved = false

        @Flag(help: "The store is a copy of a machine's that goes on: export days from tomorrow on as another machine.")
        var copied = false

        @Argument(help: "The file; - for standard output.")
        var file: String?

        @OptionGroup var settings: SettingsOption

        func validate() throws {
            _ = try reportDay(day)
            guard !(moved && copied) else { throw ValidationError("--moved or --copied, not both") }
            guard !takeBack || (day != nil && file == nil) else {
                throw ValidationError("--take-back needs --day, and no file")
            }
            guard takeBack || moved || copied || file != nil else { throw ValidationError("name a file, or -") }
        }

        func run() throws {
            let day = try reportDay(day)
            let commands = try CountsCommands(try settings.workspace("report", level: .warning))
            if let day, takeBack {
                guard try runAndWait({ try await commands.takeBack(day) }) else {
                    printError("\(day) was not exported")
                    throw ExitCode(1)
                }
                return
            }
            let isCopy = copied
            if moved || copied { try runAndWait { try await commands.adopt(isCopy: isCopy) } }
            guard let path = file else { return }
            try runAndWait {
                // Standard output may be the file.
                try await commands.export(day, to: path) {
                    printError("\($0.day): \($0.lines) policies of domains, \($0.sessions) sessions")
                } leaveOut: {
                    printError("left out: \($0)")
                }
            }
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take what other machines have counted, so that it is in this one's reports.",
            discussion: """
                Takes files of report export. The same counts count once, however often they come. Exit code: 0 all were \
                taken, 1 something was not, 75 the store could not be written: try again.
                """)

        /// - sysexits.h: EX_TEMPFAIL.
        private static let tryAgain: Int32 = 75

        @Argument(help: "Files; - for standard input.")
        var files: [String]

        @OptionGroup var settings: SettingsOption

        func run() throws {
            let commands: CountsCommands
            do { commands = try CountsCommands(try settings.workspace("report", level: .warning)) } catch {
                guard !(error is ExitCode) else { throw error }
                printError("\(error)")
                throw ExitCode(Self.tryAgain)
            }
            var isComplete = true
            for path in files {
                let name = path == "-" ? "standard input" : printable(path)
                let file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
                guard file >= 0 else {
                    printError("\(name): \(String(cString: strerror(errno)))")
                    isComplete = false
                    continue
                }
                defer { if file != STDIN_FILENO { close(file) } }
                do {
                    for one in try runAndWait({ try await commands.take { readSome(file, into: $0) } }) {
                        let line = "\(name): \(one.inWords)"
                        if one.outcome.isTaken { print(line) } else { printError(line) }
                        isComplete = isComplete && one.outcome.isTaken
                    }
                } catch {
                    printError("\(name): \(error)")
                    if CountsCommands.mayBeTriedAgain(error) { throw ExitCode(Self.tryAgain) }
                    isComplete = false
                }
            }
            if !isComplete { throw ExitCode(1) }
        }
    }
}

@Sendable private func readSome(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    while true {
        let count = read(file, buffer.baseAddress, buffer.count)
        if count >= 0 || errno != EINTR { return count }
    }
}
