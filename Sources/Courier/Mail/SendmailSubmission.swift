// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Mail
import Reporting
import Spawn

/// Hands letters to the MTA's sendmail command, which Postfix, Sendmail and most others have.
struct SendmailSubmission: Sendable {
    /// How long a command that reads no more may take to say why.
    private static let lastWords = Duration.seconds(1)

    let path: String
    let timeout: Duration

    func submit(_ letter: OutgoingMail, commit: @Sendable () async -> Bool) async -> SendResult {
        let deadline = ContinuousClock.now + timeout
        let process: FedProcess
        do throws(SpawnError) {
            process = try FedProcess([
                // -i: a line of one dot is no end. -odb: Sendmail itself then queues the message at once, so that 75
                // always means "not taken"; others ignore it.
                path, "-i", "-odb", "-f", letter.sender?.description ?? "<>", "--", letter.recipient.description,
            ])
        } catch { return .deferred("cannot run \(printable(path)): \(error.text)", after: nil) }
        // The command knows lines by LF.
        let text = letter.message.filter { $0 != UInt8(ascii: "\r") }
        guard await process.feed(text.dropLast(), by: deadline) else {
            // It may have ended by itself and can say why.
            let ending = await process.abandon(by: .now + Self.lastWords)
            return Self.result(of: ending, isWhole: false, path, await process.words)
        }
        // Without an end of its input the command has no message.
        guard await commit() else {
            await process.kill()
            return .withdrawn
        }
        _ = await process.feed(text.suffix(1), by: deadline)
        let ending = await process.finish(by: deadline)
        return Self.result(of: ending, isWhole: true, path, await process.words)
    }

    /// What the command's end means for the destination.
    ///
    /// Only what is said of the message or the recipient refuses: a command that is used wrongly, not configured or not
    /// permitted is the administrator's to mend, and other destinations have the same trouble.
    /// - Parameter isWhole: whether the command has had the whole message.
    static func result(
        of ending: FedProcess.Ending, isWhole: Bool, _ path: String, _ words: String
    ) -> SendResult {
        let said = words.isEmpty ? "" : ": \(words)"
        let path = printable(path)
        switch ending {
        case .exited(0):
            let text = "\(path) ended before it had the whole message\(said)"
            return isWhole ? .accepted("taken by \(path)") : .deferred(text, after: nil)
        case .exited(let status) where [EX_DATAERR, EX_NOUSER, EX_NOHOST].contains(status):
            return .refused("\(path): exit \(status)\(said)")
        case .exited(let status):
            return .deferred("\(path): exit \(status)\(said)", after: nil)
        case .killed(let signal):
            let text = "\(path): ended by signal \(signal)\(said)"
            return isWhole ? .uncertain(text) : .deferred(text, after: nil)
        case .tooLate:
            let text = "\(path): no end within the time allowed\(said)"
            return isWhole ? .uncertain(text) : .deferred(text, after: nil)
        }
    }
}
