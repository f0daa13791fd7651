// SPDX-License-Identifier: Apache-2.0
import Basics
import CUnbound
import Concurrency
import Events

/// Asks the DNS through libunbound, which validates DNSSEC, follows CNAMEs and caches.
///
/// One thread owns libunbound's context: every call into it is a job of that thread, so an answer, a deadline,
/// a cancellation and the shutdown of one query never race, and each query is answered exactly once.
package final class DNSResolver: Sendable {
    private let thread: EventThread
    private let engine: ResolverEngine
    private let limit: Int
    private let settings: DNSSettings
    private let health = ResolverHealth()
    private let counts: DNSCounts
    /// By the owners of the names: one whose servers are silent must not make the resolver busy for all.
    private let outstanding = Locked(SharedPlaces<Share>())

    /// - Parameter counts: gets what comes of each question.
    package init(_ settings: DNSSettings, counts: DNSCounts = DNSCounts()) throws(DNSSetupError) {
        self.counts = counts
        let thread: EventThread
        do { thread = try EventThread() } catch { throw .library(error.description) }
        do {
            engine = ResolverEngine(context: try ResolverContext.make(settings))
        } catch {
            thread.stop()
            throw error
        }
        self.thread = thread
        self.settings = settings
        limit = settings.maxOutstanding
        let engine = engine
        thread.watch(engine.descriptor) { ending in
            if case .ready = ending { engine.process() } else { engine.close() }
        }
    }

    deinit { thread.stop() }

    /// Answers every query under way with `.failure(.shutDown)` and stops.
    package func shutdown() { thread.stop() }

    /// Asks one question; never throws, and takes no longer than `timeout`, and after a failure two seconds more to find
    /// out whose it is.
    package func query(_ name: QueryName, _ type: RecordType, within timeout: Duration) async -> DNSAnswer<[UInt8]> {
        let start = ContinuousClock.now
        let answer = await ask(
            .init(name: name.text, type: type.rawValue, recordLimit: type.recordLimit), within: timeout)
        counts.note(type, answer, after: .now - start)
        guard let failure = answer.outcome.failure, failure.isOpenWhose, let cause = await localFailure() else {
            return answer
        }
        // What came and is forged is nobody's silence, though the resolver was silent a moment ago.
        if case .bogus = failure, silence == nil { return answer }
        return DNSAnswer(outcome: .failure(.cutOff(cause)))
    }

    /// For how long the resolver has answered nothing, as far as that was tested; nil while it answers.
    package var silence: Duration? { health.silentSince.map { ContinuousClock.now - $0 } }

    /// What keeps us from asking for any name; nil if nothing does.
    @discardableResult
    package func localFailure() async -> String? {
        await health.localFailure { [self] in
            if let error = Socket.descriptorFailure() { return .ours("no DNS query can be sent: \(error)") }
            // Asked anew, by a context that remembers nothing: to libunbound a server that was silent about some names is
            // down for all of them for a while, and who the silence is about is an attacker's to choose. And without
            // DNSSEC: where the keys of the root did not come, libunbound says the same as where they came unsigned.
            var plain = settings
            plain.trustAnchor = .none
            let fresh: DNSResolver
            do { fresh = try DNSResolver(plain) } catch { return .ours("no DNS query can be sent: \(error)") }
            defer { fresh.shutdown() }
            guard let failure = await fresh.failureOfAll() else { return nil }
            return .silence("the resolver answers nothing (\(settings.resolverName)): \(failure)")
        }
    }

    /// Asks for a name that nobody can have cached, of which a resolver that lives says that there is no such domain, and
    /// for the root, since some refuse names of a single label; libunbound does not tell a refusal from silence. One
    /// answer is a sign of life.
    private func failureOfAll() async -> DNSFailure? {
        let label = String(UInt64.random(in: .min ... .max), radix: 36)
        async let atRoot = failure(of: .rootSOA)
        let ofName = await failure(
            of: .init(name: "sts-milter-\(label).", type: RecordType.a.rawValue, recordLimit: 1))
        guard let ofName, await atRoot != nil else { return nil }
        return ofName
    }

    /// Why a question has no answer; nil for any answer that the resolver itself must have given.
    private func failure(of query: ResolverEngine.Query) async -> DNSFailure? {
        let answer = await ask(query, within: ResolverHealth.waitLimit)
        return answer.outcome.failure.flatMap { $0.isOpenWhose && $0 != .refused ? $0 : nil }
    }

    /// Whether DNSSEC works by way of the servers that are asked: one that strips signatures makes every signed
    /// name fail, and the administrator has to choose another or do without.
    package func validation(within timeout: Duration) async -> DNSValidation {
        let answer = await ask(.rootSOA, within: timeout)
        switch answer.outcome {
        case .failure(.bogus(let why)):
            // That there are no keys is also what libunbound makes of a resolver that answers nothing.
            return await localFailure() == nil ? .fails(why) : .unknown(.serverFailure)
        case .failure(let failure): return .unknown(failure)
        case .records, .noData, .noSuchDomain: return answer.security == .secure ? .works : .off
        }
    }

    private func ask(_ query: ResolverEngine.Query, within timeout: Duration) async -> DNSAnswer<[UInt8]> {
        let shares = Share.owners(of: [try? DomainName(mxHost: query.name)].compactMap(\.self))
        guard outstanding.withLock({ $0.take(shares, of: limit) }) else {
            return DNSAnswer(outcome: .failure(.busy))
        }
        defer { outstanding.withLock { $0.give(shares) } }
        let deadline = ContinuousClock.now + timeout
        let (thread, engine) = (thread, engine)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                query.onAnswer { continuation.resume(returning: $0) }
                let accepted = thread.submit {
                    engine.start(query)
                    guard !query.isAnswered else { return }
                    query.timer = thread.at(deadline) { engine.end(query, $0 == .stopped ? .shutDown : .timeout) }
                }
                if !accepted { query.answer(.init(outcome: .failure(.shutDown))) }
            }
        } onCancel: {
            thread.submit { engine.end(query, .cancelled) }
        }
    }
}

extension ResolverEngine.Query {
    /// What each resolver has an answer to, made anew for each question.
    fileprivate static var rootSOA: ResolverEngine.Query { .init(name: ".", type: 6, recordLimit: 1) }
}
