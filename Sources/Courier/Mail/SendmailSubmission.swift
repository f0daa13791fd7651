// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Mail
import Processes
import Reporting

/// Hands letters to the MTA's sendmail command, which Postfix, Sendmail and most others have.
struct SendmailSubmission: Sendable {
    /// Octets of what the command says that are kept.
    private static let saidLimitBytes = 4096

    let path: String
    let timeout: Duration

    func prepare(_ outgoing: OutgoingMail) async -> ReportPreparation {
        let command = Program(
            path,
            [
                // -i: a line of one dot is no end. -odb: Sendmail itself then queues the message at once, so that 75
                // always means "not taken"; others ignore it.
                "-i", "-odb", "-f", outgoing.sender?.description ?? "<>", "--", outgoing.recipient.description,
            ])
        // The command knows lines by LF.
        let text = outgoing.message.filter { $0 != UInt8(ascii: "\r") }
        do throws(CannotStart) {
            switch try await command.prepare(text, within: timeout, keptBytes: Self.saidLimitBytes) {
            case .held(let input): return .held(HeldCommand(input: input, path: path))
            case .ended(let fed): return .ended(Self.result(of: fed, path))
            }
        } catch { return .ended(.deferred("cannot run \(printable(path)): \(error.text)", after: nil)) }
    }

    /// What the command's end means for the destination.
    ///
    /// Only what is said of the message or the recipient refuses: a command that is used wrongly, not configured or not
    /// permitted is the administrator's to mend, and other destinations have the same trouble.
    static func result(of fed: FedProgram, _ path: String) -> SendResult {
        if fed.input == .withdrawn { return .withdrawn }
        let isWhole = fed.input == .whole
        let words = String(decoding: fed.said, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        let said = words.isEmpty ? "" : ": " + printable(words.joined(separator: " "))
        let path = printable(path)
        switch fed.end {
        case .exited(0):
            let text = "\(path) ended before it had the whole message\(said)"
            return isWhole ? .accepted("taken by \(path)") : .deferred(text, after: nil)
        case .exited(let status) where [EX_DATAERR, EX_NOUSER, EX_NOHOST].contains(status):
            return .refused("\(path): exit \(status)\(said)")
        case .exited(let status): return .deferred("\(path): exit \(status)\(said)", after: nil)
        case .killed(let signal): return unfinished("\(path): ended by signal \(signal)\(said)", isWhole)
        case .tooLate: return unfinished("\(path): no end within the time allowed\(said)", isWhole)
        case .unknown(let cause): return unfinished("\(path): its end was not seen: \(cause)\(said)", isWhole)
        }
    }

    /// What had the whole message may have passed it on.
    private static func unfinished(_ text: String, _ isWhole: Bool) -> SendResult {
        isWhole ? .uncertain(text) : .deferred(text, after: nil)
    }
}

/// A command that has not seen the end of its message yet.
struct HeldCommand: HeldReport {
    let input: HeldInput
    let path: String

    func finish() async -> SendResult { SendmailSubmission.result(of: await input.finish(), path) }

    func withdraw() async { await input.withdraw() }
}
