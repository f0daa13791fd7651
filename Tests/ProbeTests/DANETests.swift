// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS
import LabKit
import SMTP
import TLS
import TLSRPT
import Testing
@testable import Probe

@Suite("TLSA records that DNSSEC vouches for decide", .serialized)
struct DANETests {
    /// Hosts below `seclab`, which is signed; `one.lab` is not.
    private struct Lab {
        let authority: CertificateAuthority
        let host: MXServer
        let prober: SMTPProber
        private let resolver: ValidatingResolver
        private let unsigned: NameServer

        init() throws {
            authority = try CertificateAuthority()
            host = try MXServer(
                address: "127.2.3.1", port: 0, hostName: "mx.seclab",
                credential: try authority.selfSigned(names: ["other.lab"]))
            unsigned = try NameServer(address: "127.2.3.2", port: 0)
            let key = host.behaviour.credential?.tlsa311 ?? ""
            unsigned.set("one.lab", .a("127.2.3.1"))
            unsigned.set("_\(host.port)._tcp.one.lab", .tlsa(3, 1, 1, key))
            let zone = SignedZone(
                "seclab", records: Self.records(port: host.port, key: key),
                bogus: [("forged", "A"), ("_\(host.port)._tcp.spoilt", "TLSA")])
            resolver = try ValidatingResolver(
                address: "127.2.3.3", authorityAddress: "127.2.3.4", zones: [zone], unsigned: unsigned)
            var settings = ProbeSettings(heloName: "probe.lab")
            settings.allowsPrivateAddresses = true
            let dns = DNSSettings(forwarder: "127.2.3.3@53", trustAnchorFile: resolver.trustAnchorFile)
            prober = SMTPProber(
                resolver: try DNSResolver(dns), tls: try TLSContext(caFile: authority.caFile),
                connector: try Connector(), settings: settings)
        }

        private static func records(port: Int, key: String) -> String {
            let wrong = String(repeating: "0", count: 64)
            let data = [
                "good": "3 1 1 \(key)", "bad": "3 1 1 \(wrong)", "web": "1 1 1 \(key)", "spoilt": "3 1 1 \(key)",
                "real": "3 1 1 \(key)", "re_al": "3 1 1 \(key)",
            ]
            let hosts = data.keys.sorted() + ["none", "forged"]
            let lines = hosts.map { "\($0) IN A 127.2.3.1" } + data.map { "_\(port)._tcp.\($0) IN TLSA \($1)" }
            // Nobody answers for the records of this one.
            let lame = [
                "lame IN A 127.2.3.1", "_tcp.lame IN NS nobody", "nobody IN A 127.2.3.9", "dead IN NS nobody",
            ]
            return (lines + lame + ["alias IN CNAME real", "alias2 IN CNAME re_al"]).joined(separator: "\n")
        }

        func probe(_ name: String, routeIsSecure: Bool = true) async throws -> HostEvidence {
            let candidate = try candidate(name)
            let result = await prober.probe(
                candidate, routeIsSecure: routeIsSecure, for: candidate.name, turn: { _ in })
            return try #require(result.evidence)
        }

        func survey(_ name: String, routeIsSecure: Bool = true) async throws -> DANEStatus {
            await prober.survey(try candidate(name), routeIsSecure: routeIsSecure)
        }

        private func candidate(_ name: String) throws -> MXHost {
            MXHost(name: try DomainName(name), preference: 0, port: UInt16(host.port))
        }
    }

    @Test("Each state of the records has its evidence")
    func records() async throws {
        let lab = try Lab()
        let good = try await lab.probe("good.seclab")
        guard case .conforming(let facts) = good else { throw LabError("\(good)") }
        #expect(facts.authentication == .dane)

        #expect(try await lab.probe("bad.seclab").types == [.tlsaInvalid])
        #expect(try await lab.probe("bad.seclab").facts?.authentication == .dane)
        // The certificate is self-signed and for another name.
        let pkix: [ResultType] = [.certificateNotTrusted, .certificateHostMismatch]
        #expect(try await lab.probe("none.seclab").types == pkix)
        #expect(try await lab.probe("web.seclab").types == pkix, "no usable record")
        #expect(try await lab.probe("one.lab").types == pkix, "records without DNSSEC")
        #expect(try await lab.probe("good.seclab", routeIsSecure: false).types == pkix, "MX without DNSSEC")
    }

    @Test("What the policy map is told, without dialling anybody")
    func surveys() async throws {
        let lab = try Lab()
        let statuses: [(String, DANEStatus)] = [
            ("good.seclab", .usable), ("bad.seclab", .usable), ("alias.seclab", .usable),
            ("alias2.seclab", .usable), ("web.seclab", .unusable),
            ("none.seclab", .absent), ("missing.seclab", .absent), ("one.lab", .absent),
        ]
        for (name, expected) in statuses { #expect(try await lab.survey(name) == expected, "\(name)") }
        #expect(try await lab.survey("good.seclab", routeIsSecure: false) == .absent)
        for name in ["forged.seclab", "spoilt.seclab"] {
            guard case .bogus = try await lab.survey(name) else { throw LabError(name) }
        }
        #expect(lab.host.connections == 0)
    }

    @Test("The end of a secure alias names the records and the host")
    func alias() async throws {
        let lab = try Lab()
        let seen = try await lab.probe("alias.seclab")
        guard case .conforming(let facts) = seen else { throw LabError("\(seen)") }
        #expect(facts.authentication == .dane)
        #expect(lab.host.serverNames == ["real.seclab"])
    }

    @Test("A host without STARTTLS fails, records or not")
    func withoutTLS() async throws {
        let lab = try Lab()
        lab.host.change { $0.offersStartTLS = false }
        #expect(try await lab.probe("good.seclab").types == [.starttlsNotSupported])
    }

    @Test("A host whose records cannot be looked up is not dialled, whatever its certificate, nor said to have none")
    func unavailable() async throws {
        let lab = try Lab()
        // At once, since the resolver asks a silent server for some seconds.
        async let probe = lab.probe("lame.seclab")
        async let lame = lab.survey("lame.seclab")
        async let dead = lab.survey("mx.dead.seclab")
        let (seen, known, unreachable) = try await (probe, lame, dead)
        guard case .unresolved(let text) = seen else { throw LabError("\(seen)") }
        #expect(text.hasPrefix("TLSA lookup: "))
        // The records may be there; the host can be dialled.
        guard case .unknown = known else { throw LabError("lame: \(known)") }
        // Nobody can dial this one.
        guard case .unreachable = unreachable else { throw LabError("dead: \(unreachable)") }
        #expect(lab.host.connections == 0)
    }

    @Test("Records that may be forged never let a host conform")
    func bogus() async throws {
        let lab = try Lab()
        #expect(try await lab.probe("forged.seclab").types == [.dnssecInvalid])
        #expect(try await lab.probe("spoilt.seclab").types == [.dnssecInvalid])
        #expect(lab.host.connections == 0)
    }
}
