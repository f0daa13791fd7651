// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import Settings
import Store

extension Explanation {
    /// Reads what the store knows of the message, beside a daemon that may be running.
    package init(of id: QueueID, in workspace: Workspace) async throws {
        let rows = try await workspace.openStore().explanations(of: id.text)
        let decoder = JSONDecoder()
        queueID = id.text
        // What another version wrote in another form is not known.
        messages = rows.compactMap { row in
            row.origin == .milter ? try? decoder.decode(Message.self, from: Data(row.body)) : nil
        }
        deliveries = rows.compactMap { row in
            row.origin == .intake ? try? decoder.decode(Delivery.self, from: Data(row.body)) : nil
        }
    }
}

extension Explanation.Delivery {
    init(_ session: ObservedSession, _ refusal: MapRefusal?) {
        let line = SessionLine(session)
        self.init(
            time: session.time.description, source: session.source.rawValue, domain: session.domain?.ascii,
            host: session.host?.ascii, address: session.address?.description, result: line.result,
            reason: line.reason, verification: line.verification, refusal: refusal?.inWords)
    }
}

extension MapRefusal {
    fileprivate var inWords: String {
        switch self {
        case .noHostInPolicy(let cached):
            "no MX host is in the policy (mode \(cached.policy.mode.rawValue), id \(printable(cached.id, limit: 40)))"
        case .bogus: "the DNS answer fails DNSSEC validation"
        }
    }
}
