// SPDX-License-Identifier: Apache-2.0
import Basics
import Gzip
import HTTP
import LabKit
import Testing

// Serialized: every test runs servers of its own.
@Suite("Uploads: the last octet waits for its sender", .serialized)
struct UploadTests {
    private func upload(
        _ lab: HTTPLab, _ octets: [UInt8] = Array("a report".utf8), at address: String? = nil, path: String = "/x?y=z",
        within time: Duration = .seconds(20)
    ) throws -> HTTPUpload {
        var request = try lab.request(at: address, trusting: false, path: path, within: time)
        request.body = HTTPRequest.Body(octets, as: "application/tlsrpt+gzip")
        request.excerptWaitLimit = .seconds(2)
        return try lab.client.upload(request)
    }

    @Test("then it goes, and the host has the whole")
    func whole() async throws {
        let lab = try HTTPLab(.status(201))
        // Large enough for libcurl to ask for 100 Continue by itself.
        for octets in [[0x31], [UInt8](repeating: 0x78, count: 3 << 20)] {
            let upload = try upload(lab, octets)
            guard case .held = await upload.prepare() else { throw LabError("not held") }
            #expect(lab.host.requests.isEmpty || octets.count > 1)
            let response = try await answer(upload)
            #expect(response.head.status == 201 && !response.isEarly)
            let request = try #require(lab.host.requests.last)
            let isWhole = request.octets == octets
            #expect(isWhole && request.method == "POST")
            let headers = Dictionary(request.headers.map { ($0.name, $0.value) }) { $0 + ", " + $1 }
            #expect(headers["content-length"] == "\(octets.count)" && headers["transfer-encoding"] == nil)
            #expect(headers["content-type"] == "application/tlsrpt+gzip" && headers["expect"] == nil)
        }
        #expect(lab.host.requests.count == 2)
    }

    @Test("withdrawn, the host never has the whole")
    func withdrawn() async throws {
        let lab = try HTTPLab(.status(201))
        let upload = try upload(lab)
        guard case .held = await upload.prepare() else { throw LabError("not held") }
        upload.withdraw()
        try await Wait.until("the connection is closed") { lab.host.openConnections == 0 && lab.host.connections == 1 }
        #expect(await upload.finish() == .notSent(.cancelled))
        #expect(lab.host.requests.isEmpty)
    }

    @Test("an answer before that is early, whatever it says, and nothing more is sent")
    func early() async throws {
        let lab = try HTTPLab()
        lab.host.answersEarly = true
        for path in ["/x?y=z", "/none"] {
            let upload = try upload(lab, path: path)
            if case .held = await upload.prepare() {
                try await Wait.until("it is answered") { lab.host.connections > 0 && lab.host.openConnections == 0 }
            }
            let response = try await answer(upload)
            #expect(response.isEarly && response.head.status == (path == "/none" ? 404 : 200))
        }
        #expect(lab.host.requests.allSatisfy { $0.octets.count < "a report".utf8.count })
    }

    @Test("a status that was seen decides, whatever the body behind it does")
    func statusSeen() async throws {
        let nothing = try compress([])
        let many = [[UInt8]](repeating: nothing, count: 100_000).flatMap { $0 }
        let trailers = String(repeating: "X: y\r\n", count: 20_000)
        let head = "HTTP/1.1 503 Busy\r\n"
        let answers: [PolicyAnswer] = [
            .raw(head + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + trailers),
            .attack(.octets(Array((head + "Content-Encoding: gzip\r\n\r\n").utf8) + many)),
            .raw(head + "Content-Encoding: rot13\r\n\r\nno"), .raw(head + "Content-Length: 5\r\n\r\nno"),
            .raw(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ]
        for (index, answer) in answers.enumerated() {
            let lab = try HTTPLab(answer)
            guard case .answered(let response) = await outcome(try upload(lab)) else {
                Issue.record("\(index): no answer")
                continue
            }
            #expect(response.head.status == 503)
        }
    }

    @Test("by HTTP/2 an early answer is none, or early")
    func earlyHTTP2() async throws {
        let lab = try HTTPLab()
        let host = try HTTP2Host(
            address: lab.address(2), credential: lab.authority.issue(names: [HTTPLab.name]), files: ["x.txt": "hello"],
            answersEarly: true)
        let upload = try upload(lab, [UInt8](repeating: 0x78, count: 200_000), at: host.address, path: "/x.txt")
        if case .answered(let response) = await outcome(upload) { #expect(response.isEarly) }
    }

    @Test("what fails before the last octet is asked for was not sent, however late that is noticed")
    func failedWhileHeld() async throws {
        let lab = try HTTPLab(.status(201))
        let late = try upload(lab, within: .seconds(2))
        guard case .held = await late.prepare() else { throw LabError("not held") }
        try await Task.sleep(for: .seconds(2.1))
        #expect(await late.finish() == .notSent(.deadline(.awaitingHead)))
        let dropped = try upload(lab)
        guard case .held = await dropped.prepare() else { throw LabError("not held") }
        lab.host.stop()
        try await Wait.until("the connection is closed") { lab.host.openConnections == 0 }
        guard case .notSent = await dropped.finish() else { throw LabError("not sure") }
        #expect(lab.host.requests.isEmpty)
    }

    /// The second step, which must be answered.
    private func answer(_ upload: HTTPUpload) async throws -> HTTPResponse {
        let outcome = await upload.finish()
        guard case .answered(let response) = outcome else { throw LabError("\(outcome)") }
        return response
    }

    /// Both steps, whatever comes of them.
    private func outcome(_ upload: HTTPUpload) async -> HTTPUpload.Outcome {
        switch await upload.prepare() {
        case .ended(let outcome): outcome
        case .held: await upload.finish()
        }
    }

    @Test("by HTTP/2 as well")
    func http2() async throws {
        let lab = try HTTPLab()
        let host = try HTTP2Host(
            address: lab.address(2), credential: lab.authority.issue(names: [HTTPLab.name]), files: ["x.txt": "hello"])
        let upload = try upload(lab, [UInt8](repeating: 0x78, count: 200_000), at: host.address, path: "/x.txt")
        guard case .held = await upload.prepare() else { throw LabError("not held") }
        let response = try await answer(upload)
        #expect(response.head.status == 200 && !response.isEarly)
    }

    @Test("the deadline ends it in either step")
    func late() async throws {
        let lab = try HTTPLab(.hang)
        let held = try upload(lab, within: .seconds(2))
        guard case .held = await held.prepare() else { throw LabError("not held") }
        #expect(await held.finish() == .unanswered(.deadline(.awaitingHead)))
        lab.host.connectionFault = .silent
        let silent = try upload(lab, within: .milliseconds(300))
        guard case .ended(.notSent(.deadline(.connecting))) = await silent.prepare() else { throw LabError("not late") }
    }

    @Test("a cancelled task ends the first step, not the second")
    func cancelled() async throws {
        var answer = PolicyAnswer.status(201)
        answer.delay = .milliseconds(200)
        let lab = try HTTPLab(answer)
        let upload = try upload(lab)
        guard case .held = await upload.prepare() else { throw LabError("not held") }
        let finish = Task { try await self.answer(upload) }
        finish.cancel()
        #expect(try await finish.value.head.status == 201)
        lab.host.connectionFault = .silent
        let other = try self.upload(lab)
        let prepare = Task { await other.prepare() }
        prepare.cancel()
        guard case .ended(.notSent(.cancelled)) = await prepare.value else { throw LabError("not cancelled") }
    }
}
