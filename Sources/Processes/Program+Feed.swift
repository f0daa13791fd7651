// SPDX-License-Identifier: Apache-2.0
import Glibc
import Subprocess

/// What became of a program that was handed something.
package struct FedProgram: Sendable, Hashable {
    package enum Input: Sendable, Hashable {
        /// It did not read it all, so it cannot take what it has for the whole.
        case part
        /// It was killed before it could see the end, as we wanted.
        case withdrawn
        /// It could read it all, and see the end.
        case whole
    }

    package let input: Input
    package let end: ProgramEnd
    /// The first octets of what it wrote to standard output and standard error.
    package let said: [UInt8]
}

/// How far a program was fed.
package enum Feeding: Sendable {
    /// It can read all but the last octet.
    case held(HeldInput)
    /// It came to no such point.
    case ended(FedProgram)
}

/// The last octet of what a program is handed, and its end. Let go of, it is withdrawn.
package final class HeldInput: Sendable {
    private let run: Task<Result<FedProgram, CannotStart>, Never>
    private let decision: AsyncStream<Void>.Continuation

    fileprivate init(_ run: Task<Result<FedProgram, CannotStart>, Never>, _ decision: AsyncStream<Void>.Continuation) {
        self.run = run
        self.decision = decision
    }

    deinit { decision.finish() }

    /// Gives it the rest, and waits for its end, also when the task is cancelled.
    package func finish() async -> FedProgram {
        decision.yield()
        return await outcome
    }

    /// Kills the program before its standard input is closed: what it has read never passes for the whole.
    @discardableResult
    package func withdraw() async -> FedProgram {
        decision.finish()
        return await outcome
    }

    private var outcome: FedProgram {
        get async {
            switch await run.value {
            case .success(let fed): fed
            // What was held had been started.
            case .failure(let error): FedProgram(input: .part, end: .unknown(error.text), said: [])
            }
        }
    }
}

extension Program {
    /// How long a program that reads no more may take to say why.
    private static let lastWords = Duration.seconds(1)

    /// Runs it and gives it `bytes` to read, all but the last of them. If the rest cannot be written, the program is killed
    /// before its standard input is closed: what it has read never passes for the whole.
    /// - Parameters:
    ///   - limit: for all of it, the time until ``HeldInput/finish()`` included.
    ///   - keptBytes: how much is kept of what the program says; the rest is read and dropped, so that it
    ///     need not wait for us.
    /// - Returns: a program that was withdrawn if the task is cancelled before that.
    package func prepare(
        _ bytes: [UInt8], within limit: Duration, keptBytes: Int
    ) async throws(CannotStart) -> Feeding {
        let (decisions, decision) = AsyncStream.makeStream(of: Void.self)
        let (fed, hold) = AsyncStream.makeStream(of: Void.self)
        let run = Task {
            defer { hold.finish() }
            return await feedToEnd(bytes, within: limit, keptBytes) {
                hold.yield()
                for await _ in decisions { return true }
                return false
            }
        }
        var isHeld = false
        for await _ in fed {
            isHeld = true
            break
        }
        let held = HeldInput(run, decision)
        guard !isHeld || Task.isCancelled else { return .held(held) }
        decision.finish()
        return .ended(try await run.value.get())
    }

    private func feedToEnd(
        _ bytes: [UInt8], within limit: Duration, _ keptBytes: Int, _ mayEnd: @Sendable () async -> Bool
    ) async -> Result<FedProgram, CannotStart> {
        Self.ignoreBrokenPipes
        var deadline = ContinuousClock.now + limit
        /// nil as long as it is not started.
        var input: FedProgram.Input?
        do {
            let run = try await Subprocess.run(
                configuration, input: .inputWriter, output: .sequence, error: .combinedWithOutput
            ) { execution in
                input = .part
                async let said = execution.standardOutput.kept(keptBytes)
                async let end: Void = execution.end(within: limit)
                // Nothing here throws: Subprocess closes the input of a program that it does not expect to go on.
                switch await execution.standardInputWriter.give(bytes.dropLast()) {
                case .all:
                    // Without an end of its input the program has nothing.
                    if await mayEnd() {
                        // It may have ended while it was waiting.
                        if await execution.standardInputWriter.give(bytes.suffix(1)) == .all { input = .whole }
                        try? await execution.standardInputWriter.finish()
                    } else {
                        input = .withdrawn
                        execution.killGroup()
                    }
                case .noReader:
                    deadline = min(deadline, .now + Self.lastWords)
                    await execution.end(within: Self.lastWords)
                case .part: execution.killGroup()
                }
                await end
                return await said
            }
            let end = Self.end(run.terminationStatus, by: deadline)
            return .success(FedProgram(input: input ?? .part, end: end, said: run.closureResult))
        } catch {
            guard let input else { return .failure(cannotStart(error)) }
            return .success(FedProgram(input: input, end: .unknown("\(error)"), said: []))
        }
    }

    /// Writing to a pipe that nobody reads is an error to be told, not the end of us; only the daemon has seen to that.
    static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
}

extension StandardInputWriter {
    enum Given {
        case all
        /// Nobody has the other end any more, so nobody can take what is there for the whole.
        case noReader
        /// The program ended or was killed meanwhile.
        case part
    }

    func give(_ bytes: ArraySlice<UInt8>) async -> Given {
        do throws(SubprocessError) {
            return try await write(Array(bytes)) == bytes.count ? .all : .part
        } catch { return error.underlyingError == .brokenPipe ? .noReader : .part }
    }
}
