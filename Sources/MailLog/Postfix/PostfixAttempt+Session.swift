// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

extension PostfixAttempt {
    /// The session as the delivery that it belongs to completes it. Not an `init` that sets one thing after the other, which
    /// makes one more copy of all.
    func session(of delivery: PostfixDelivery, isTLSLogged: Bool) -> ObservedSession {
        ObservedSession(
            source: .postfixLog, time: UTCTime(secondsSinceEpoch: time),
            domain: try? DomainName(domain ?? delivery.domain.text), host: try? DomainName(host: peer.host),
            address: IPAddress(peer.address), result: result, queueID: delivery.queueID.text,
            port: delivery.port.flatMap { UInt16(exactly: $0) }, hasDatagram: isReported, isTLSLogged: isTLSLogged,
            recipient: delivery.recipient.text)
    }
}
