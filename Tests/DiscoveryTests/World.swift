// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS
import Discovery
import Foundation
import HTTP
import LabKit
import Synchronization
import TestKit
import TLS

/// A test's own part of the network: name server, policy host, resolver, all below 127.3.
struct World: Sendable {
    private static let used = Atomic(0)
    /// Files only, which tests add to but never change.
    private static let sharedAuthority = Result { try CertificateAuthority() }

    let authority: CertificateAuthority
    let names: NameServer
    let host: PolicyHost
    let resolver: DNSResolver
    private let network: Int
    private let files: TemporaryDirectory

    /// - Parameter trustAnchor: a zone file's line; answers below its name must then be signed, and here nothing is.
    init(trustAnchor: String? = nil) throws {
        network = Self.used.add(1, ordering: .relaxed).newValue
        authority = try Self.sharedAuthority.get()
        names = try NameServer(address: "127.3.\(network).53")
        host = try PolicyHost(address: "127.3.\(network).44", credential: try authority.issue(names: ["other.lab"]))
        files = try TemporaryDirectory("sts-discovery")
        // A key for a name that no test asks for, so that everything else is insecure.
        let anchor = try files.write("anchor", trustAnchor ?? Self.anchor(for: "signed.invalid."))
        resolver = try DNSResolver(DNSSettings(forwarder: "\(names.address)@53", trustAnchorFile: anchor))
    }

    static func anchor(for zone: String) -> String {
        "\(zone) IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
    }

    /// Connections to the policy host that our side still holds open.
    var openConnections: Int {
        get throws {
            let address = IPAddress(host.address)?.octets.reversed().map {
                String(UInt16($0) + 0x100, radix: 16).suffix(2)
            }
            let remote = "\((address ?? []).joined().uppercased()):01BB"
            // Not by one read: the kernel gives a page at a time.
            let handle = FileHandle(forReadingAtPath: "/proc/self/net/tcp")
            let table = String(decoding: try handle?.readToEnd() ?? Data(), as: UTF8.self)
            return table.split(separator: "\n").count { line in
                let fields = line.split(separator: " ")
                // ESTABLISHED, SYN_SENT, CLOSE_WAIT
                return fields.count > 3 && fields[2] == remote && ["01", "02", "08"].contains(fields[3])
            }
        }
    }

    func address(_ last: Int) -> String { "127.3.\(network).\(last)" }

    /// - Parameter systemTrust: whether to trust the system's authorities in place of the test's.
    func discoverer(
        systemTrust: Bool = false, _ change: (inout DiscoverySettings) -> Void = { _ in }
    ) throws -> HTTPPolicyDiscoverer {
        var settings = DiscoverySettings()
        settings.allowPrivateAddresses = true
        settings.userAgent = "sts-milter/0.test"
        change(&settings)
        let trust = try TLSContext(caFile: systemTrust ? nil : authority.caFile)
        return HTTPPolicyDiscoverer(resolver: resolver, settings: settings, http: try HTTPClient(), trust: trust)
    }

    /// Makes the policy host answer for a domain, with a good certificate unless another is given.
    @discardableResult
    func publish(_ answer: PolicyAnswer, for domain: String, credential: Credential? = nil) throws -> DomainName {
        let name = "mta-sts.\(domain)"
        names.set(name, .a(host.address))
        host.set(name, answer, credential: try credential ?? authority.issue(names: [name]))
        return try DomainName(domain)
    }
}

extension World {
    /// The failure of a fetch with settings of its own; nil if it succeeds.
    func failure(
        for domain: DomainName, _ change: (inout DiscoverySettings) -> Void = { _ in }
    ) async throws -> PolicyFailure? {
        await (try discoverer(change)).failure(for: domain)
    }
}

extension HTTPPolicyDiscoverer {
    /// Why a fetch brought nothing; nil if it succeeds.
    func error(for domain: DomainName) async -> FetchError? {
        do throws(FetchError) {
            _ = try await fetch(for: domain, isRenewal: false)
            return nil
        } catch {
            return error
        }
    }

    /// The domain's failure of a fetch; nil if it succeeds, or was not tried.
    func failure(for domain: DomainName) async -> PolicyFailure? {
        if case .failed(let failure) = await error(for: domain) { failure } else { nil }
    }
}

extension PolicyAnswer {
    static let good = PolicyAnswer.policy(mode: "enforce", mx: ["mx.example.lab", "*.example.lab"])

    /// The good policy under another Content-Type, nil for none.
    static func good(as contentType: String?) -> PolicyAnswer {
        var answer = good
        answer.contentType = contentType
        return answer
    }

    /// The good policy without a length, the connection cut at its end.
    static var goodButCut: PolicyAnswer {
        var answer = good
        answer.fault = .cut
        return answer
    }

    /// A good policy of exactly so many octets.
    static func good(octets: Int) -> PolicyAnswer {
        let text = "version: STSv1\nmode: enforce\nmx: mx.example.lab\nmax_age: 86400\nfill: "
        return .policy(text + String(repeating: "x", count: octets - text.utf8.count))
    }
}
