// SPDX-License-Identifier: Apache-2.0
import Basics

/// How far a fetch has come, so that a deadline that passes can say what it waited for.
final class FetchProgress: Sendable {
    enum Stage: Sendable {
        case resolving(DomainName)
        case connecting(IPAddress)
        case awaitingAnswer(DomainName)
        case readingBody(DomainName)
    }

    private let current: Locked<Stage>
    private let end = Locked<UTCTime?>(nil)

    init(of host: DomainName) { current = Locked(.resolving(host)) }

    func enter(_ stage: Stage) { current.withLock { $0 = stage } }

    /// When the certificate of the host that answered ends.
    var certificateEnd: UTCTime? { end.withLock { $0 } }

    func note(certificateEnd: UTCTime?) { end.withLock { $0 = certificateEnd } }

    /// Continues the sentence "no policy within 60 s: ".
    var text: String {
        switch current.withLock({ $0 }) {
        case .resolving(let host): "still asking the DNS for \(host)"
        case .connecting(let address): "still connecting to \(address)"
        case .awaitingAnswer(let host): "no answer from \(host)"
        case .readingBody(let host): "answer of \(host) not complete"
        }
    }
}
