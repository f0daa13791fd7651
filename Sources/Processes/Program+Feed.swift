// SPDX-License-Identifier: Apache-2.0
import Glibc
import Subprocess
import Synchronization

/// What became of a program that was handed something.
package struct FedProgram: Sendable, Hashable {
    package enum Input: Sendable, Hashable {
        /// It did not read it all, so it cannot take what it has for the whole.
        case part
        /// `commit` said no: it was killed before it could see the end.
        case withdrawn
        /// It could read it all, and see the end.
        case whole
    }

    package let input: Input
    package let end: ProgramEnd
    /// The first octets of what it wrote to standard output and standard error.
    package let said: [UInt8]
}

extension Program {
    /// How long a program that reads no more may take to say why.
    private static let lastWords = Duration.seconds(1)

    /// Runs it and gives it `bytes` to read, the last of them only when `commit` agrees. If it does not, or if the rest
    /// cannot be written, the program is killed before its standard input is closed: what it has read never passes for
    /// the whole.
    /// - Parameters:
    ///   - limit: for all of it, the time that `commit` takes included.
    ///   - keptBytes: how much is kept of what the program says; the rest is read and dropped, lest it waits for us.
    ///   - commit: called once at most, when nothing but the last octet is missing. Not called after a cancellation of
    ///     the task; after this call the program goes on to its end.
    package func feed(
        _ bytes: [UInt8], within limit: Duration, keptBytes: Int, commit: @Sendable () async -> Bool
    ) async throws(CannotStart) -> FedProgram {
        let isCancelled = Atomic(false)
        let result = await withTaskCancellationHandler {
            await Self.uncancelled {
                await feedToEnd(bytes, within: limit, keptBytes) {
                    guard !isCancelled.load(ordering: .relaxed) else { return false }
                    return await commit()
                }
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
        return try result.get()
    }

    private func feedToEnd(
        _ bytes: [UInt8], within limit: Duration, _ keptBytes: Int, _ commit: @Sendable () async -> Bool
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
                    if await commit() {
                        input = .whole
                        _ = await execution.standardInputWriter.give(bytes.suffix(1))
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
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
}

extension StandardInputWriter {
    fileprivate enum Given {
        case all
        /// Nobody has the other end any more, so nobody can take what is there for the whole.
        case noReader
        /// The program ended or was killed meanwhile.
        case part
    }

    fileprivate func give(_ bytes: ArraySlice<UInt8>) async -> Given {
        do throws(SubprocessError) {
            return try await write(Array(bytes)) == bytes.count ? .all : .part
        } catch { return error.underlyingError == .brokenPipe ? .noReader : .part }
    }
}
