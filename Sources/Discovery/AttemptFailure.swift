// SPDX-License-Identifier: Apache-2.0
import MTASTS
import TLSRPT

/// Why one address of a policy host gave no policy.
struct AttemptFailure: Error, Sendable {
    let failure: PolicyFailure
    /// Whether the host has answered, so that its other addresses need not be asked.
    let isFinal: Bool

    init(_ type: ResultType, _ text: String, isFinal: Bool = false) {
        failure = PolicyFailure(type, text)
        self.isFinal = isFinal
    }
}
