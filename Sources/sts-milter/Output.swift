// SPDX-License-Identifier: Apache-2.0
import CStandardOutput
import FoundationEssentials
import Glibc

/// Ends the program with 74 if not all of its output could be written: a full disk must not look like success. A reader
/// that went away is told nothing.
func checkOutputAtExit() {
    atexit {
        let failure = CStandardOutput_flush()
        guard failure != 0, failure != EPIPE else { return }
        let cause = failure < 0 ? "" : ": \(String(cString: strerror(failure)))"
        writeError("sts-milter: standard output cannot be written\(cause)\n")
        _exit(ExitCodes.outputLost)
    }
}

/// Writes a line to standard error.
func printError(_ text: String) { writeError("sts-milter: \(text)\n") }

/// Writes to standard error.
func writeError(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        // Nobody is left to be told.
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}

/// Whether standard output is a terminal that wants colours. - https://no-color.org
var isColourTerminal: Bool {
    isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
}

/// The value as indented JSON with sorted keys.
func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
