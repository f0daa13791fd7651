// SPDX-License-Identifier: Apache-2.0
import Basics

/// A request with a body that the host must not have whole before its sender agrees.
///
/// ``prepare()`` sends all but the last octet. Then either ``finish()`` sends that and waits for the response, or
/// ``withdraw()`` ends the connection, and the host never has the whole.
package final class HTTPUpload: Sendable {
    /// What came of it.
    package enum Outcome: Sendable, Equatable {
        case answered(HTTPResponse)
        /// The last octet was not sent: the host cannot have the whole.
        case notSent(HTTPFailure)
        /// All was sent, and no answer came: the host may have the whole.
        case unanswered(HTTPFailure)
    }

    /// What came of the first step.
    package enum Preparation: Sendable {
        /// All but the last octet has been sent.
        case held
        /// It came to no such point: the host answered early, or there is none. Nothing more is sent.
        case ended(Outcome)
    }

    private struct State {
        var isHeld = false
        var outcome: Outcome?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let transfer: Transfer
    private let loop: TransferLoop
    /// Whose end would be that of the loop.
    private let client: HTTPClient
    private let state = Locked(State())

    init(_ request: HTTPRequest, by loop: TransferLoop, of client: HTTPClient) throws(HTTPFailure) {
        transfer = try Transfer(request, holdsLastOctet: true)
        self.loop = loop
        self.client = client
    }

    deinit { loop.cancel(transfer) }

    /// To be called once. A cancelled task ends it.
    package func prepare() async -> Preparation {
        loop.start(
            transfer, held: { [weak self] in self?.note { $0.isHeld = true } },
            ended: { [weak self] outcome in self?.end(outcome) })
        await withTaskCancellationHandler {
            await wait { $0.isHeld || $0.outcome != nil }
        } onCancel: {
            loop.cancel(transfer)
        }
        return state.withLock { $0.outcome }.map(Preparation.ended) ?? .held
    }

    /// Sends the last octet and waits for the response, also in a cancelled task: the host may have the request now. The
    /// deadline of the request ends it.
    package func finish() async -> Outcome {
        loop.release(transfer)
        while true {
            if let outcome = state.withLock({ $0.outcome }) { return outcome }
            await wait { $0.outcome != nil }
        }
    }

    package func withdraw() { loop.cancel(transfer) }

    /// Told on the loop's thread.
    private func end(_ outcome: Transfer.Outcome) {
        let outcome: Outcome =
            switch outcome {
            case .success(let response): .answered(response)
            case .failure(let failure): transfer.isSent ? .unanswered(failure) : .notSent(failure)
            }
        note { $0.outcome = outcome }
    }

    private func note(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when something has changed, at once if the condition holds.
    private func wait(until condition: (State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                guard !condition(state) else { return true }
                state.waiter = continuation
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
