// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import ReportView

/// `report show`: any TLSRPT report, ours or one that was received.
struct ReportShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show TLSRPT reports, ours or received ones, failures first.",
        discussion: """
            A file holds reports (JSON), gzip of them, a mail that carries one, or a mailbox. \
            Exit code: 0 all were read, 1 one or more could not be read, or not be shown in full; the others are shown. \
            Remarks on what a sender wrote in a way of its own leave the exit code alone.
            """)

    @Argument(help: "Files to show; - for standard input.")
    var files: [String]

    @Flag(help: "Print JSON, an array with one object per report, as we would have written it.")
    var json = false

    @Flag(help: "Print one HTML page with charts, complete in itself: --html FILE... >page.html")
    var html = false

    @Flag(help: "Show all policies and kinds of failure, not only the gravest.")
    var all = false

    func validate() throws {
        if json && html { throw ValidationError("--json and --html exclude each other") }
    }

    func run() throws {
        var form = chosenForm
        var isComplete = true
        for path in files {
            let file = ReportFile(path)
            do throws(ReportFile.Unreadable) {
                var count = 0
                let notes = try file.read { report in
                    count += 1
                    write(form.add(report, from: file.name))
                }
                if count == 0, notes.problems.isEmpty {
                    printError("\(file.name): there is no report in it")
                    isComplete = false
                }
                for problem in notes.problems { printError("\(file.name): \(problem)") }
                for remark in notes.remarks { printError("\(file.name): remark: \(remark)") }
                isComplete = isComplete && notes.problems.isEmpty
            } catch {
                printError("\(file.name): \(error)")
                isComplete = false
            }
        }
        write(form.end())
        if !isComplete { throw ExitCode(1) }
    }

    private var chosenForm: any ReportForm {
        let limits: ViewLimits = all ? .none : .usual
        if json { return ReportsAsJSON() }
        if html { return ReportPage(limits: limits) }
        return ReportText(width: terminalWidth ?? ReportText.usualWidth, coloured: isColourTerminal, limits: limits)
    }

    private func write(_ text: String) {
        print(text, terminator: "")
    }
}

/// Columns of the terminal on standard output; nil if it is none or does not say.
private var terminalWidth: Int? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
}
