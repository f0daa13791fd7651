// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Names

extension ObservedSession {
    /// The session as the delivery that it belongs to completes it.
    init(_ attempt: PostfixAttempt, _ delivery: PostfixDelivery) {
        let peer = attempt.peer
        let bracket = peer.firstIndex(of: "[")
        self.init(
            source: .postfixLog, time: UTCTime(secondsSinceEpoch: attempt.time),
            domain: try? DomainName(attempt.domain ?? delivery.domain.text),
            host: try? DomainName(mxHost: peer[..<(bracket ?? peer.endIndex)]),
            address: bracket.flatMap { IPAddress(peer[$0...].dropFirst().dropLast()) }, result: attempt.result,
            queueID: delivery.queueID.text)
    }
}
