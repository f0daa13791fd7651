// SPDX-License-Identifier: Apache-2.0
import Basics
import CUnbound
import Events

/// libunbound's context and the queries that it works on. All of it is used on the resolver's thread only.
///
/// `@unchecked Sendable`: no lock; `DNSResolver` calls it from jobs of its one `EventThread`, and nowhere else.
final class ResolverEngine: @unchecked Sendable {
    private var context: OpaquePointer?
    /// Queries that libunbound may still call back for; each is kept alive until it is answered or cancelled.
    private var queries: Set<Query> = []
    let descriptor: Int32

    init(context: OpaquePointer) {
        self.context = context
        descriptor = ub_fd(context)
    }

    func start(_ query: Query) {
        guard !query.isAnswered else { return }
        guard let context else { return query.answer(.init(outcome: .failure(.shutDown))) }
        query.engine = self
        queries.insert(query)
        let argument = Unmanaged.passUnretained(query).toOpaque()
        let code = ub_resolve_async(
            context, query.name, Int32(query.type), 1, argument,
            { argument, error, result in
                // The argument is a member of `queries`, taken out before it is answered.
                guard let argument else { return ub_resolve_free(result) }
                let query = Unmanaged<Query>.fromOpaque(argument).takeUnretainedValue()
                query.engine?.finish(query, error, result)
            }, &query.identifier)
        if code != UB_NOERROR.rawValue {
            finish(query, code, nil)
        }
    }

    func process() {
        if let context { ub_process(context) }
    }

    /// Ends a query that is still under way; does nothing to one that is not.
    func end(_ query: Query, _ failure: DNSFailure) {
        query.settle()
        if queries.remove(query) != nil, let context { ub_cancel(context, query.identifier) }
        query.answer(.init(outcome: .failure(failure)))
    }

    func close() {
        for query in queries { end(query, .shutDown) }
        if let context { ub_ctx_delete(context) }
        context = nil
    }

    private func finish(_ query: Query, _ error: Int32, _ result: UnsafeMutablePointer<ub_result>?) {
        defer { ub_resolve_free(result) }
        query.settle()
        queries.remove(query)
        guard error == UB_NOERROR.rawValue, let result else {
            return query.answer(.init(outcome: .failure(.library(String(cString: ub_strerror(error))))))
        }
        query.answer(DNSAnswer(result.pointee, recordLimit: query.recordLimit))
    }
}

extension ResolverEngine {
    /// One question and whoever waits for its answer.
    ///
    /// `@unchecked Sendable`: `identifier`, `engine` and `timer` belong to the resolver's thread, the rest to `waiter`'s lock.
    final class Query: @unchecked Sendable, Hashable {
        typealias Receiver = @Sendable (DNSAnswer<[UInt8]>) -> Void

        private enum Waiter {
            case none, waiting(Receiver), answered
            /// Answered before anybody waited: cancelled at once.
            case early(DNSAnswer<[UInt8]>)
        }

        let name: String
        /// The type's number.
        let type: UInt16
        let recordLimit: Int
        fileprivate var identifier: Int32 = 0
        fileprivate var engine: ResolverEngine?
        /// What ends it when its time is over.
        var timer: EventThread.Timer?
        private let waiter = Locked(Waiter.none)

        init(name: String, type: UInt16, recordLimit: Int) {
            self.name = name
            self.type = type
            self.recordLimit = recordLimit
        }

        var isAnswered: Bool {
            waiter.withLock { waiter in
                switch waiter {
                case .none, .waiting: false
                case .answered, .early: true
                }
            }
        }

        /// Lets go of what it needed while it was under way.
        fileprivate func settle() {
            engine = nil
            timer?.cancel()
            timer = nil
        }

        func onAnswer(_ receive: @escaping Receiver) {
            let early: DNSAnswer<[UInt8]>? = waiter.withLock { waiter in
                guard case .early(let answer) = waiter else {
                    waiter = .waiting(receive)
                    return nil
                }
                waiter = .answered
                return answer
            }
            if let early { receive(early) }
        }

        func answer(_ answer: DNSAnswer<[UInt8]>) {
            let receive: Receiver? = waiter.withLock { waiter in
                switch waiter {
                case .none:
                    waiter = .early(answer)
                    return nil
                case .waiting(let receive):
                    waiter = .answered
                    return receive
                case .answered, .early:
                    return nil
                }
            }
            receive?(answer)
        }

        static func == (left: Query, right: Query) -> Bool { left === right }
        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
    }
}
