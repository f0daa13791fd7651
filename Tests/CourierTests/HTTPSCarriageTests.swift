// SPDX-License-Identifier: Apache-2.0
import Courier
import LabKit
import Reporting
import Testing

@Suite("Reports by https: posted once, and what the endpoint says of it - RFC 8460 §5.4", .serialized)
struct HTTPSCarriageTests {
    private static let url = "https://reports.two.lab/tlsrpt?for=two"

    /// An endpoint with a certificate of an authority that nobody trusts, for a name of somebody else.
    private struct Endpoint {
        let lab: CourierLab
        let host: PolicyHost

        init(_ answer: PolicyAnswer = .status(201)) throws {
            lab = try CourierLab()
            host = try PolicyHost(
                address: lab.address(44), credential: try CertificateAuthority().issue(names: ["other.lab"]))
            host.set(path: "/tlsrpt?for=two", answer)
            lab.names.set("reports.two.lab", .a(host.address))
        }

        func carry(
            _ uri: String = HTTPSCarriageTests.url, consent: Consent = Consent(),
            _ change: (inout CourierSettings) -> Void = { _ in }
        ) async throws -> SendResult {
            try await lab.courier(change).carry(.sample(), to: .sample(uri), commit: consent.ask)
        }
    }

    @Test("the report arrives as it is, though certificate and name are wrong")
    func accepted() async throws {
        let endpoint = try Endpoint()
        let consent = Consent()
        #expect(try await endpoint.carry(consent: consent) == .accepted("HTTP status 201"))
        #expect(consent.count == 1)
        let request = try #require(endpoint.host.requests.first)
        let report = try CompressedReport.sample()
        #expect(endpoint.host.requests.count == 1)
        #expect(request.method == "POST")
        #expect(request.path == "/tlsrpt?for=two")
        #expect(request.host == "reports.two.lab")
        #expect(request.octets == report.body)
        let headers = Dictionary(request.headers.map { ($0.name, $0.value) }) { $0 + ", " + $1 }
        #expect(headers["content-type"] == "application/tlsrpt+gzip")
        #expect(headers["content-length"] == "\(report.body.count)")
        #expect(headers["transfer-encoding"] == nil)
        #expect(headers["user-agent"] == "sts-milter/0.test")
        #expect(endpoint.host.serverNames == ["reports.two.lab"])
    }

    @Test("interim answers without end are given up at once, and leave it open whether the report arrived")
    func interim() async throws {
        let endpoint = try Endpoint(.interimWithoutEnd)
        guard case .uncertain(let text) = try await endpoint.carry() else {
            Issue.record("not uncertain")
            return
        }
        #expect(text.contains("interim answers (HTTP status 1xx) from"), "\(text)")
    }

    @Test("a host is dialled as it was checked, however the URL writes it")
    func hostForms() async throws {
        let endpoint = try Endpoint()
        for uri in ["https://REPORTS.two.LAB/tlsrpt?for=two", "https://reports.two.lab.:443/tlsrpt?for=two"] {
            #expect(try await endpoint.carry(uri) == .accepted("HTTP status 201"))
        }
        let literal = "https://\(endpoint.host.address)/tlsrpt?for=two"
        #expect(try await endpoint.carry(literal) == .accepted("HTTP status 201"))
        #expect(endpoint.host.requests.count == 3)
    }

    @Test("a large report arrives whole")
    func large() async throws {
        let endpoint = try Endpoint()
        let noise = (0..<300_000).map { _ in UInt8.random(in: 0...255) }
        let sample = try CompressedReport.sample()
        let report = CompressedReport(
            policyDomain: sample.policyDomain, submitter: sample.submitter, organizationName: "", contactInfo: "",
            reportID: "1", day: sample.day, fileName: sample.fileName, body: noise)
        let courier = try endpoint.lab.courier()
        let result = await courier.carry(report, to: try .sample(Self.url)) { true }
        #expect(result == .accepted("HTTP status 201"))
        // Compared outside: a failure would print both.
        let isWhole = endpoint.host.requests.first?.octets == noise
        #expect(isWhole)
    }

    @Test("without consent the endpoint never has the whole report")
    func withdrawn() async throws {
        let endpoint = try Endpoint()
        let consent = Consent(false)
        #expect(try await endpoint.carry(consent: consent) == .withdrawn)
        #expect(consent.count == 1)
        try await Wait.until("connection closed") { endpoint.host.openConnections == 0 }
        #expect(endpoint.host.requests.isEmpty)
    }

    static let statuses: [(Int, String?, SendResult)] = [
        (200, nil, .accepted("HTTP status 200")), (202, nil, .accepted("HTTP status 202")),
        (301, nil, .refused("HTTP status 301: no, redirects are not followed")),
        (400, nil, .refused("HTTP status 400: no")), (404, "60", .refused("HTTP status 404: no")),
        (410, nil, .refused("HTTP status 410: no")), (413, nil, .refused("HTTP status 413: no")),
        (408, nil, .deferred("HTTP status 408: no", after: nil)),
        (429, "120", .deferred("HTTP status 429: no", after: .seconds(120))),
        (500, nil, .deferred("HTTP status 500: no", after: nil)),
        (503, "Sun, 22 Nov 2026 01:00:00 GMT", .deferred("HTTP status 503: no", after: .seconds(3600))),
        (503, "99999999999999999999", .deferred("HTTP status 503: no", after: .seconds(86_400))),
    ]

    @Test("the status decides", arguments: statuses.indices)
    func status(_ index: Int) async throws {
        let (status, retryAfter, result) = Self.statuses[index]
        var answer = PolicyAnswer.status(status)
        answer.body = .text(" no\n")
        if let retryAfter { answer.headers = [("Retry-After", retryAfter)] }
        if status == 301 { answer.headers = [("Location", "https://127.0.0.1/")] }
        let endpoint = try Endpoint(answer)
        #expect(try await endpoint.carry() == result)
        #expect(endpoint.host.requests.count == 1)
    }

    @Test("an answer without end costs neither memory nor the result")
    func endlessAnswer() async throws {
        var answer = PolicyAnswer.endless
        answer.status = 500
        let result = try await Endpoint(answer).carry()
        guard case .deferred(let text, after: nil) = result else { throw LabError("\(result)") }
        #expect(text.hasPrefix("HTTP status 500: xxx") && text.utf8.count < 200)
        var slow = PolicyAnswer.body(.drip("never to be read", everyMilliseconds: 10_000))
        slow.status = 404
        guard case .refused = try await Endpoint(slow).carry() else { throw LabError("not refused") }
    }

    @Test("praise before the report was sent is no acceptance")
    func early() async throws {
        let endpoint = try Endpoint()
        endpoint.host.answersEarly = true
        let consent = Consent()
        // Slow enough that the answer is there first.
        let result = try await endpoint.lab.courier().carry(.sample(), to: .sample(Self.url)) {
            try? await Wait.until("the answer is read") {
                endpoint.host.connections == 1 && endpoint.host.openConnections == 0
            }
            return await consent.ask()
        }
        #expect(result == .deferred("HTTP status 201 before the report was sent", after: nil))
        #expect(endpoint.host.requests.allSatisfy { $0.octets.isEmpty })
    }

    @Test("an endpoint may speak HTTP/2 only")
    func http2() async throws {
        let endpoint = try Endpoint()
        let host = try HTTP2Host(
            address: endpoint.lab.address(45), credential: CertificateAuthority().issue(names: ["other.lab"]),
            files: ["tlsrpt": "taken"])
        endpoint.lab.names.set("reports.two.lab", .a(host.address))
        #expect(try await endpoint.carry() == .accepted("HTTP status 200"))
        #expect(host.log.contains("content-type: application/tlsrpt+gzip"))
    }

    @Test("an answer that is not seen leaves it open whether the report was taken")
    func uncertain() async throws {
        let dropped = try await Endpoint(.dropBeforeHeaders).carry()
        guard case .uncertain(let text) = dropped else { throw LabError("\(dropped)") }
        #expect(text.hasPrefix("report sent, but no answer: connection closed by 127.6."))
        let hanging = try await Endpoint(.hang).carry { $0.httpsTimeout = .milliseconds(700) }
        guard case .uncertain(let text) = hanging else { throw LabError("\(hanging)") }
        #expect(text.contains("not within the time allowed"))
    }

    @Test("what fails while the report is marked was not sent: it is tried again")
    func failedWhileMarked() async throws {
        let endpoint = try Endpoint()
        let courier = try endpoint.lab.courier { $0.httpsTimeout = .seconds(2) }
        let result = await courier.carry(try .sample(), to: try .sample(Self.url)) {
            try? await Task.sleep(for: .seconds(2.1))
            return true
        }
        let text = "\(endpoint.host.address): not within the time allowed"
        #expect(result == .deferred(text, after: nil) && endpoint.host.requests.isEmpty)
    }

    @Test("a status that is seen counts, whatever becomes of the body")
    func cutBody() async throws {
        #expect(try await Endpoint(.dropAfterHeaders).carry() == .accepted("HTTP status 200"))
    }

    @Test("an endpoint that is not reached may have the report later")
    func unreachable() async throws {
        let endpoint = try Endpoint()
        let consent = Consent()
        let address = endpoint.host.address
        let faults: [(PolicyHost.ConnectionFault, String)] = [
            (.closed, "connection"),
            (.garbage, "failed: wrong version number"),
            (.silent, "no TLS connection to \(address)"),
        ]
        for (fault, text) in faults {
            endpoint.host.connectionFault = fault
            let result = try await endpoint.carry(consent: consent) { $0.connectTimeout = .milliseconds(500) }
            guard case .deferred(let said, after: nil) = result else { throw LabError("\(result)") }
            // How early a connection closes is not ours to say.
            #expect(said.contains(text) && said.contains(address))
        }
        endpoint.host.stop()
        let refused = try await endpoint.carry(consent: consent)
        #expect(refused == .deferred("connection refused by \(endpoint.host.address)", after: nil))
        endpoint.lab.names.fail("reports.two.lab", nil, .servfail)
        let unknown = try await endpoint.carry(consent: consent)
        #expect(unknown == .deferred("address of reports.two.lab: DNS server failure", after: nil))
        #expect(consent.count == 0)
    }

    @Test("an endpoint that does not exist or is private is given up")
    func noAddress() async throws {
        let endpoint = try Endpoint()
        let consent = Consent()
        let unknown = try await endpoint.carry("https://unknown.lab/", consent: consent)
        #expect(unknown == .refused("unknown.lab does not exist"))
        let name = try await endpoint.carry(consent: consent) { $0.allowPrivateAddresses = false }
        #expect(name == .refused("reports.two.lab has private addresses only: \(endpoint.host.address)"))
        let uri = "https://\(endpoint.host.address)/"
        let literal = try await endpoint.carry(uri, consent: consent) { $0.allowPrivateAddresses = false }
        #expect(literal == .refused("\(endpoint.host.address) is a private address"))
        #expect(consent.count == 0 && endpoint.host.connections == 0)
    }

    @Test("the next address is tried as long as none can have had the report")
    func nextAddress() async throws {
        let endpoint = try Endpoint()
        endpoint.lab.names.set("reports.two.lab", .a(endpoint.lab.address(99)), .a(endpoint.host.address))
        #expect(try await endpoint.carry() == .accepted("HTTP status 201"))
        let second = try PolicyHost(
            address: endpoint.lab.address(45), credential: endpoint.lab.authority.issue(names: ["reports.two.lab"]))
        second.set(path: "/tlsrpt?for=two", .dropBeforeHeaders)
        endpoint.host.set(path: "/tlsrpt?for=two", .dropBeforeHeaders)
        endpoint.lab.names.set("reports.two.lab", .a(endpoint.host.address), .a(second.address))
        let before = endpoint.host.requests.count
        guard case .uncertain = try await endpoint.carry() else { throw LabError("not uncertain") }
        #expect(endpoint.host.requests.count - before + second.requests.count == 1)
    }

    @Test("TLS below 1.2 is none")
    func oldTLS() async throws {
        let endpoint = try Endpoint()
        endpoint.host.maximumTLSVersion = .tlsv11
        guard case .deferred(let text, after: nil) = try await endpoint.carry() else { throw LabError("not deferred") }
        #expect(text == "TLS with \(endpoint.host.address) failed: tlsv1 alert protocol version")
    }
}
