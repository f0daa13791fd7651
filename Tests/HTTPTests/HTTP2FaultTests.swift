// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import HTTP
import LabKit
import Testing

// Serialized: every test runs servers of its own.
@Suite("HTTP/2: a host's frames cost little, and bring no second request about", .serialized)
struct HTTP2FaultTests {
    private let lab: HTTPLab

    init() throws { lab = try HTTPLab() }

    private func host(_ fault: HTTP2Fault) throws -> HTTP2FaultHost {
        try HTTP2FaultHost(
            address: lab.address(2), credential: lab.authority.issue(names: [HTTPLab.name]), fault)
    }

    private func failure(_ request: HTTPRequest) async -> HTTPFailure? {
        do throws(HTTPFailure) {
            _ = try await lab.client.response(to: request)
            return nil
        } catch { return error }
    }

    /// Both steps of an upload, whatever comes of them.
    private func upload(_ request: HTTPRequest, _ octets: [UInt8]) async throws -> HTTPUpload.Outcome {
        var request = request
        request.body = HTTPRequest.Body(octets, as: "application/tlsrpt+gzip")
        let upload = try lab.client.upload(request)
        return switch await upload.prepare() {
        case .ended(let outcome): outcome
        case .held: await upload.finish()
        }
    }

    @Test("one that takes nothing of a body is waited for, not asked again and again")
    func noWindow() async throws {
        let host = try host(.noWindow)
        let usage = ThreadUsage()
        var request = try lab.request(at: host.address, within: .seconds(3))
        request.enters = { _ in usage.begin() }
        let outcome = try await upload(request, [UInt8](repeating: 0x78, count: 100_000))
        #expect(outcome == .notSent(.deadline(.awaitingHead)) && host.requests == 1)
        // Of three seconds.
        #expect(try #require(usage.seconds) < 0.5)
    }

    @Test(
        "frames that bring nothing are counted",
        arguments: [HTTP2Fault.pingsWithoutEnd, .paddingWithoutEnd(status: 200)])
    func flood(_ fault: HTTP2Fault) async throws {
        let host = try host(fault)
        #expect(await failure(try lab.request(at: host.address)) == .tooManyOctets)
        try await Wait.until("no connection is left") { host.openConnections == 0 }
    }

    @Test("a request that the host refused to look at goes out twice at most")
    func refused() async throws {
        let host = try host(.refusedRequest)
        #expect(await failure(try lab.request(at: host.address)) == .closed(.awaitingHead))
        #expect(host.requests == 2 && host.connections == 2)
    }

    @Test("the second connection has the time of a connection, not that of the request")
    func secondConnection() async throws {
        let host = try host(.refusedRequest)
        var request = try lab.request(at: host.address, within: .seconds(8))
        request.connectTimeout = .seconds(1)
        request.enters = { if $0 == .awaitingHead { host.fallSilent() } }
        #expect(await failure(request) == .connectTimeout)
        #expect(host.requests == 1 && host.connections == 2)
    }

    /// Octets of a body. - RFC 9113 §6.9.2: Initial Flow-Control Window Size.
    private static let firstWindow = 65_535

    @Test(
        "a request with a body goes out once",
        arguments: [HTTP2Fault.refusedRequest, .refusedBody, .noWindowAndRefused])
    func bodyOnce(_ fault: HTTP2Fault) async throws {
        let host = try host(fault)
        for octets in [1, 10, 200_000] {
            let before = host.connections
            let outcome = try await upload(try lab.request(at: host.address), [UInt8](repeating: 0x78, count: octets))
            // What fits into the window that a client begins with may all have left before the refusal came.
            let failure = HTTPFailure.closed(.awaitingHead)
            let possible: [HTTPUpload.Outcome] =
                octets < Self.firstWindow ? [.notSent(failure), .unanswered(failure)] : [.notSent(failure)]
            #expect(possible.contains(outcome), "\(octets)")
            #expect(host.connections == before + 1 && host.requests == host.connections)
        }
    }
}

/// CPU time of the thread that calls ``begin()`` first, from then on.
private final class ThreadUsage: Sendable {
    private let start = Locked<(clock: clockid_t, seconds: Double)?>(nil)

    func begin() {
        start.withLock { start in
            var clock = clockid_t()
            guard start == nil, pthread_getcpuclockid(pthread_self(), &clock) == 0 else { return }
            start = (clock, Self.seconds(clock))
        }
    }

    /// nil if nothing began. The thread must be there yet.
    var seconds: Double? { start.withLock { $0 }.map { Self.seconds($0.clock) - $0.seconds } }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
