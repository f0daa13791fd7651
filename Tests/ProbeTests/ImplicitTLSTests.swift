// SPDX-License-Identifier: Apache-2.0
import LabKit
import TLSRPT
import Testing

@testable import Probe

@Suite("On port 465 TLS comes before the greeting")
struct ImplicitTLSTests {
    @Test("a good host conforms, and no mail is begun")
    func good() async throws {
        let lab = try ProbeLab("127.2.9.1", port: 465)
        let seen = await lab.probe()
        guard case .conforming(let facts) = seen else { throw LabError("\(seen)") }
        #expect(facts.authentication == .pkix && facts.names == [ProbeLab.name])
        #expect(lab.host.serverNames == [ProbeLab.name])
        try await Wait.until("QUIT arrives") { lab.host.commands == ["QUIT"] }
    }

    @Test("a certificate of another name is seen as such")
    func otherName() async throws {
        let lab = try ProbeLab("127.2.9.2", port: 465)
        let other = try lab.authority.issue(names: ["other.lab"])
        lab.host.change { $0.credential = other }
        #expect(await lab.probe().types == [.certificateHostMismatch])
    }

    @Test("a host that speaks SMTP before TLS does not come to TLS")
    func plain() async throws {
        let lab = try ProbeLab("127.2.9.3", port: 465)
        lab.host.change { $0.beginsWithTLS = false }
        #expect(await lab.probe().types == [.validationFailure])
    }

    @Test("one that sends nothing, or turns us away, is open", arguments: [(MXFault.greet421, 4), (.stallGreeting, 5)])
    func turnedAway(_ fault: MXFault, _ place: Int) async throws {
        let lab = try ProbeLab("127.2.9.\(place)", port: 465, faults: [fault]) {
            $0.greetingTimeout = .milliseconds(500)
            $0.crowdedGreetingTimeout = .milliseconds(500)
        }
        guard case .turnedAway = await lab.probe() else { throw LabError("\(await lab.probe())") }
    }

    @Test("one that never begins TLS is open as well")
    func silent() async throws {
        let lab = try ProbeLab("127.2.9.6", port: 465, faults: [.stallGreeting]) {
            $0.handshakeTimeout = .milliseconds(500)
        }
        lab.host.change { $0.beginsWithTLS = false }
        guard case .turnedAway = await lab.probe() else { throw LabError("\(await lab.probe())") }
    }
}
