// SPDX-License-Identifier: Apache-2.0
import Basics

/// Tells a name whose servers fail from a resolver that fails for all names: one test at a time, whoever asks.
final class ResolverHealth: Sendable {
    /// How long a resolver may take to say that a name does not exist.
    static let waitLimit = Duration.seconds(2)
    /// How long a test stands: a storm of failures must not become one of tests.
    private static let standsFor = Duration.seconds(5)
    /// How long after a failure of our own another is still taken for ours: libunbound goes on for five seconds to
    /// answer what it could not ask with SERVFAIL.
    private static let echoesFor = Duration.seconds(12)

    /// What is wrong.
    enum Failure: Sendable {
        /// This process cannot ask.
        case ours(String)
        /// The resolver answers nothing.
        case silence(String)

        var text: String {
            switch self {
            case .ours(let text), .silence(let text): text
            }
        }
    }

    private struct State {
        var test: Task<Failure?, Never>?
        var testedAt = ContinuousClock.now
        var failure: (text: String, at: ContinuousClock.Instant)?
        /// The first test of those without an answer that the last test is one of.
        var silentSince: ContinuousClock.Instant?
    }

    private let state = Locked(State())

    /// Since when the resolver answers nothing, as far as that was tested; nil while it answers.
    var silentSince: ContinuousClock.Instant? { state.withLock { $0.silentSince } }

    /// - Parameter test: what is wrong with the resolver, nil if nothing is.
    func localFailure(_ test: @escaping @Sendable () async -> Failure?) async -> String? {
        let task = state.withLock { state in
            if let test = state.test, .now < state.testedAt + Self.standsFor { return test }
            let task = Task.detached(operation: test)
            (state.test, state.testedAt) = (task, .now)
            return task
        }
        let found = await task.value
        return state.withLock { state in
            if case .silence = found {
                state.silentSince = state.silentSince ?? state.testedAt
            } else {
                state.silentSince = nil
            }
            if let found {
                state.failure = (found.text, state.testedAt)
                return found.text
            }
            return state.failure.flatMap { .now < $0.at + Self.echoesFor ? $0.text : nil }
        }
    }
}
