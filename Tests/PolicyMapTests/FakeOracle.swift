// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Logging
import Synchronization

/// Answers at once what its table holds; the rest waits until a test releases it.
final class FakeOracle: MapResolver {
    private struct State {
        var released: [NextHop: MapAnswer] = [:]
        var waiting: [NextHop: [CheckedContinuation<MapAnswer, Never>]] = [:]
        var patience: [Duration] = []
    }

    private let warm: [DomainName: MapAnswer]
    private let state = Mutex(State())
    private let glanceCount = Atomic(0)

    init(_ warm: [String: MapAnswer] = [:]) throws {
        self.warm = Dictionary(uniqueKeysWithValues: try warm.map { (try DomainName($0), $1) })
    }

    var glances: Int { glanceCount.load(ordering: .relaxed) }
    /// One for each lookup that began.
    var patience: [Duration] { state.withLock { $0.patience } }

    func glance(_ key: NextHop) -> MapAnswer? {
        glanceCount.add(1, ordering: .relaxed)
        return key.policyDomain.flatMap { warm[$0] }
    }

    func enforces(_ domain: DomainName) -> Bool {
        if case .enforce? = warm[domain] { true } else { false }
    }

    func find(_ key: NextHop, within patience: Duration) async -> MapAnswer {
        await withCheckedContinuation { continuation in
            let finding = state.withLock { state -> MapAnswer? in
                state.patience.append(patience)
                if let finding = state.released[key] { return finding }
                state.waiting[key, default: []].append(continuation)
                return nil
            }
            if let finding { continuation.resume(returning: finding) }
        }
    }

    func release(_ domain: String, _ finding: MapAnswer) throws {
        let key = NextHop.mx(of: try DomainName(domain), port: NextHop.smtpPort)
        let waiting = state.withLock { state in
            state.released[key] = finding
            return state.waiting.removeValue(forKey: key) ?? []
        }
        for continuation in waiting { continuation.resume(returning: finding) }
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
