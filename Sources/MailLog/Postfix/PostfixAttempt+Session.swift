// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

extension ObservedSession {
    /// The session as the delivery that it belongs to completes it.
    init(_ attempt: PostfixAttempt, _ delivery: PostfixDelivery, isTLSLogged: Bool) {
        self.init(
            source: .postfixLog, time: UTCTime(secondsSinceEpoch: attempt.time),
            domain: try? DomainName(attempt.domain ?? delivery.domain.text),
            host: try? DomainName(host: attempt.peer.host), address: IPAddress(attempt.peer.address),
            result: attempt.result, queueID: delivery.queueID.text)
        port = delivery.port.flatMap { UInt16(exactly: $0) }
        recipient = delivery.recipient.text
        hasDatagram = attempt.isReported
        self.isTLSLogged = isTLSLogged
    }
}
