// SPDX-License-Identifier: Apache-2.0
import LabKit
import TLSRPT
import Testing
@testable import Probe

@Suite("Weak keys, groups and signatures are judged at the level of tls.security_level")
struct SecurityLevelTests {
    /// What a host shows that is not as strong as it might be.
    enum Weakness: String, CaseIterable, Sendable {
        case smallGroup, smallKey, tinyKey, leafSHA1, intermediateSHA1

        /// A credential for these names.
        func credential(_ authority: CertificateAuthority, _ names: [String]) throws -> Credential {
            switch self {
            case .smallGroup: try authority.issue(names: names, options: [.rsaKey(bits: 2048)])
            case .smallKey: try authority.issue(names: names, options: [.rsaKey(bits: 1024)])
            case .tinyKey: try authority.issue(names: names, options: [.rsaKey(bits: 768)])
            case .leafSHA1: try authority.issue(names: names, options: [.sha1Signature])
            case .intermediateSHA1: try authority.intermediate(digest: "sha1").issue(names: names)
            }
        }

        /// The lowest level at which it is too weak.
        var refusedFrom: Int {
            switch self {
            case .smallGroup, .smallKey: 2
            case .tinyKey, .leafSHA1, .intermediateSHA1: 1
            }
        }

        /// What is said of it then.
        func text(at level: Int) -> String {
            let what =
                switch self {
                case .smallGroup: "TLS handshake: dh key too small"
                // A key too small for one of the handshake's signatures says so as well.
                case .smallKey, .tinyKey: "EE certificate key too weak"
                case .leafSHA1, .intermediateSHA1: "CA signature digest algorithm too weak"
                }
            return "\(what), too weak for tls.security_level = \(level)"
        }
    }

    @Test("each weakness, at each level: taken, or refused by name", arguments: Weakness.allCases)
    func levels(_ weakness: Weakness) async throws {
        for level in 0...2 {
            let lab = try ProbeLab("127.2.6.\(level + 1)") { $0.securityLevel = level }
            let credential = try weakness.credential(lab.authority, [ProbeLab.name])
            lab.host.change {
                $0.credential = credential
                $0.hasSmallGroup = weakness == .smallGroup
            }
            let seen = await lab.probe()
            guard level >= weakness.refusedFrom else {
                #expect(seen.types == [], "level \(level): \(seen)")
                continue
            }
            #expect(seen.types == [weakness == .smallGroup ? .validationFailure : .certificateNotTrusted], "\(seen)")
            #expect(seen.first?.text.contains(weakness.text(at: level)) == true, "level \(level): \(seen)")
        }
    }

    @Test("the level is that of Postfix unless it is set")
    func usual() { #expect(ProbeSettings(heloName: "probe.lab").securityLevel == 1) }
}
