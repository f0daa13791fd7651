// SPDX-License-Identifier: Apache-2.0
import Subprocess
import Synchronization

/// What a program said that ended by itself.
package struct ProgramOutput: Sendable, Hashable {
    /// The exit status; a death by signal is 128 and its number, as in the shell.
    package let status: Int32
    package let output: [UInt8]
    package let errors: [UInt8]
}

/// Why a program gave no output.
package enum ProgramFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The system's reason.
    case cannotStart(String)
    /// It was killed when its time was up.
    case tooLate(Duration)
    /// It was killed because it wrote more than the limit, in octets.
    case tooMuchOutput(Int)
    /// Its end could not be watched, for the reason given.
    case unknown(String)

    package var description: String {
        switch self {
        case .cannotStart(let cause): "cannot be run: \(cause)"
        case .tooLate(let limit): "did not end within \(limit.components.seconds) s"
        case .tooMuchOutput(let limit): "says more than \(limit) bytes"
        case .unknown(let cause): "its end cannot be seen: \(cause)"
        }
    }
}

extension Program {
    /// Runs it, and gives what it wrote.
    /// - Parameters:
    ///   - question: what it can read on standard input. It may leave some of that unread.
    ///   - outputLimitBytes: of standard output and of standard error, each.
    package func run(
        reading question: [UInt8] = [], within limit: Duration, outputLimitBytes: Int
    ) async throws(ProgramFailure) -> ProgramOutput {
        let result = await Self.uncancelled { await runToEnd(reading: question, within: limit, outputLimitBytes) }
        return try result.get()
    }

    private func runToEnd(
        reading question: [UInt8], within limit: Duration, _ outputLimitBytes: Int
    ) async -> Result<ProgramOutput, ProgramFailure> {
        Self.ignoreBrokenPipes
        let deadline = ContinuousClock.now + limit
        let isStarted = Atomic(false)
        let isTooMuch = Atomic(false)
        do {
            let run = try await Subprocess.run(
                configuration, input: .inputWriter, output: .sequence, error: .sequence
            ) { execution in
                isStarted.store(true, ordering: .relaxed)
                let surplus = { @Sendable in
                    isTooMuch.store(true, ordering: .relaxed)
                    execution.killGroup()
                }
                async let output = execution.standardOutput.kept(outputLimitBytes, surplus: surplus)
                async let errors = execution.standardError.kept(outputLimitBytes, surplus: surplus)
                async let end: Void = execution.end(within: limit)
                if !question.isEmpty { _ = await execution.standardInputWriter.give(question[...]) }
                try? await execution.standardInputWriter.finish()
                await end
                return await (output, errors)
            }
            if isTooMuch.load(ordering: .relaxed) { return .failure(.tooMuchOutput(outputLimitBytes)) }
            let (output, errors) = run.closureResult
            return switch Self.end(run.terminationStatus, by: deadline) {
            case .exited(let status): .success(ProgramOutput(status: status, output: output, errors: errors))
            case .killed(let signal): .success(ProgramOutput(status: 128 + signal, output: output, errors: errors))
            case .tooLate: .failure(.tooLate(limit))
            case .unknown(let text): .failure(.unknown(text))
            }
        } catch {
            let isStarted = isStarted.load(ordering: .relaxed)
            return .failure(isStarted ? .unknown("\(error)") : .cannotStart(cannotStart(error).text))
        }
    }
}
