// SPDX-License-Identifier: Apache-2.0
import Core
import TLSRPT

/// Why one address of a policy host gave no policy.
struct AttemptFailure: Error, Sendable {
    let failure: PolicyFailure
    /// Whether the host has answered, so that its other addresses need not be asked.
    let isFinal: Bool
    let cause: Cause

    enum Cause: Sendable {
        case host
        /// We lack something (descriptors, memory), which says nothing of the host.
        case ourselves
        /// This machine has no way to the address.
        case noRoute
    }

    init(_ type: ResultType, _ text: String, isFinal: Bool = false, cause: Cause = .host) {
        failure = PolicyFailure(type, text)
        self.isFinal = isFinal
        self.cause = cause
    }
}

extension [AttemptFailure] {
    /// What the failures of all addresses come to: a failed fetch, or none where it was never really tried.
    var outcome: FetchError {
        if let ours = first(where: { $0.cause == .ourselves }) { return .notTried(ours.failure.text) }
        let tried = filter { $0.cause == .host }
        // A bad certificate says more than another address's refused connection.
        if let chosen = tried.first(where: { $0.failure.type == .stsWebPKIInvalid }) ?? tried.last {
            return .failed(chosen.failure)
        }
        return .notTried(last?.failure.text ?? "fetch cancelled")
    }
}
