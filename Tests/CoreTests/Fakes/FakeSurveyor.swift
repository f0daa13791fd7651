// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// The TLSA records of hosts, by name; none of one that is not there.
final class FakeSurveyor: DANESurveyor, Fake {
    struct State {
        var statuses: [String: DANEStatus] = [:]
        var policies: [String: TLSAPolicy] = [:]
    }

    let state = Locked(State())

    func survey(_ candidate: MXHost, routeIsSecure: Bool) async -> DANEStatus {
        self.statuses[candidate.name.ascii] ?? .absent
    }

    func tlsaPolicy(of candidate: MXHost) async -> TLSAPolicy? { self.policies[candidate.name.ascii] }
}
