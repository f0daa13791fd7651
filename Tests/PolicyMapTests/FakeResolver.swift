// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Logging
import Synchronization

/// Answers at once what its table holds; the rest waits until a test releases it.
final class FakeResolver: MapResolver {
    private struct State {
        var released: [NextHop: MapAnswer] = [:]
        var waiting: [NextHop: [CheckedContinuation<MapAnswer, Never>]] = [:]
        var lookups = 0
        var decided: [NextHop] = []
        var period: AnswerPeriod?
        var letsAllGo = false
        var held: [String] = []
    }

    private let warm: [DomainName: MapAnswer]
    private let state = Locked(State())
    private let cachedCount = Atomic(0)

    init(_ warm: [String: MapAnswer] = [:]) throws {
        self.warm = Dictionary(uniqueKeysWithValues: try warm.map { (try DomainName($0), $1) })
    }

    /// Questions that memory was asked.
    var questions: Int { cachedCount.load(ordering: .relaxed) }
    /// Lookups that began.
    var lookups: Int { state.withLock { $0.lookups } }
    /// What had to be decided because time was up.
    var decided: [NextHop] { state.withLock { $0.decided } }

    /// What was noted as held back.
    var held: [String] { state.withLock { $0.held } }

    /// How long answers stand; nil for no time at all.
    var period: AnswerPeriod? {
        get { state.withLock { $0.period } }
        set { state.withLock { $0.period = newValue } }
    }
    var answerPeriod: AnswerPeriod? { period }

    var letsAllGo: Bool { state.withLock { $0.letsAllGo } }
    func letAllGo() { state.withLock { $0.letsAllGo = true } }

    func cached(_ key: NextHop, for mta: DANESupport) -> MapAnswer? {
        cachedCount.add(1, ordering: .relaxed)
        return key.policyDomain.flatMap { warm[$0] }
    }

    func enforces(_ domain: DomainName) -> Bool {
        if case .enforce? = warm[domain] { true } else { false }
    }

    func noteHeld(_ domain: DomainName, because text: String) {
        state.withLock { $0.held.append("\(domain): \(text)") }
    }

    func resolve(_ key: NextHop, for mta: DANESupport) async -> MapAnswer {
        await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> MapAnswer? in
                state.lookups += 1
                if let answer = state.released[key] { return answer }
                state.waiting[key, default: []].append(continuation)
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    func decideNow(_ key: NextHop, for mta: DANESupport, because ending: WaitEnding) -> MapAnswer {
        state.withLock { $0.decided.append(key) }
        return .temporary("lookup still running")
    }

    func release(_ domain: String, _ answer: MapAnswer) throws {
        let key = NextHop.mx(of: try DomainName(domain), port: NextHop.smtpPort)
        let waiting = state.withLock { state in
            state.released[key] = answer
            return state.waiting.removeValue(forKey: key) ?? []
        }
        for continuation in waiting { continuation.resume(returning: answer) }
    }

    /// Ends what still waits, so that no test leaves a task behind.
    func releaseAll() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting.values.flatMap(\.self)
        }
        for continuation in waiting { continuation.resume(returning: .notFound) }
    }
}
