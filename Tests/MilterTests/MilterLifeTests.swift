// SPDX-License-Identifier: Apache-2.0
import Basics
import CMilter
import Foundation
import Glibc
import LabKit
import Sockets
import TestKit
import Testing
@testable import Milter

@Suite("Start and stop of the milter server")
struct MilterLifeTests {
    @Test("stopping takes a moment, and lets callbacks under way answer")
    func stop() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer {
                $0.lookupWait = .seconds(60)
                $0.messageBudget = .seconds(60)
            }
            try test.start()
            let (answered, reply) = (DispatchSemaphore(value: 0), Locked<Character?>(nil))
            DispatchQueue(label: "waiter").async {
                let command = try? test.message().recipient("<a@bad.slow.lab>").command
                reply.withLock { $0 = command }
                answered.signal()
            }
            #expect(test.eventually { test.server.callbacksUnderWay == 1 })
            let start = ContinuousClock.now
            test.server.stop()
            // Without help libmilter needs up to 5 s.
            #expect(ContinuousClock.now - start < .seconds(4))
            #expect(test.server.drain(within: .milliseconds(20)) == false)
            test.judge.release()
            #expect(test.server.drain(within: .seconds(10)))
            #expect(answered.wait(timeout: .now() + 10) == .success)
            #expect(reply.withLock { $0 } == "y")
            #expect(throws: (any Error).self) { try test.client() }
        }
    }

    @Test("an end that nobody asked for is a failure, although libmilter calls it a success")
    func unaskedEnd() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer()
            try test.server.open()
            let (server, ended) = (test.server, Locked<MilterError?>(nil))
            Thread {
                do throws(MilterError) { try server.run() } catch { ended.withLock { $0 = error } }
            }.start()
            #expect(test.eventually { server.isServing() })
            Thread { smfi_stop() }.start()
            // The listener looks when somebody connects.
            #expect(
                test.eventually {
                    _ = try? test.client()
                    return ended.withLock { $0 } == .endedUnasked
                })
            #expect(!server.isServing())
        }
    }

    @Test("a listener that does not accept is not taken for a milter that serves")
    func silentListener() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer()
            let descriptor = listeningSocket(at: test.path)
            #expect(ListenAddress.unix(path: test.path).isAnswered)
            #expect(!ListenAddress.unix(path: test.path).negotiates)
            close(descriptor)
        }
    }

    @Test("a socket has its mode from the start, and a stale one is replaced")
    func modes() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer {
                $0.socketMode = 0o600
                $0.socketGroup = "0"
            }
            leaveStaleSocket(at: test.path)
            try test.start()
            var facts = stat()
            #expect(lstat(test.path, &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o600)
            #expect(facts.st_gid == 0)
            #expect(try test.message().recipient("<a@good.lab>").command == "c")
        }
    }

    @Test("a socket at which somebody answers is never taken")
    func liveSocket() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer()
            let descriptor = listeningSocket(at: test.path)
            #expect(throws: refusal(.alreadyServed, .unix(path: test.path))) { try test.server.open() }
            close(descriptor)
        }
    }

    @Test("what cannot be opened is an error that says what")
    func refusals() async {
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.socket = .unix(path: "/nonexistent/dir/milter.sock") }
            #expect(throws: MilterError.self) { try test.server.open() }
            // One server a process, even after a failure.
            #expect(throws: MilterError.secondServer) { try TestServer().server.open() }
        }
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.socketGroup = "no-such-group" }
            #expect(throws: refusal(.noGroup("no-such-group", "no such group"), .unix(path: test.path))) {
                try test.server.open()
            }
        }
        await #expect(processExitsWith: .success) {
            let test = try TestServer { $0.socket = .descriptor(0) }
            #expect(throws: refusal(.notListening, .descriptor(0))) { try test.server.open() }
        }
    }

    @Test("a descriptor that systemd opened is served, and its server stops")
    func descriptor() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/given.sock"
            let descriptor = listeningSocket(at: path)
            let test = try TestServer { $0.socket = .descriptor(descriptor) }
            try test.start()
            let client = try MilterClient(path: path)
            _ = try client.negotiate()
            try client.mail("<s@x.lab>")
            #expect(try client.recipient("<a@bad.lab>").command == "y")
            let start = ContinuousClock.now
            test.server.stop()
            #expect(ContinuousClock.now - start < .seconds(4))
        }
    }

    @Test("a TCP socket is served", arguments: ["inet:48890@127.4.0.1", "inet6:48890@::1"])
    func internet(_ text: String) async {
        await #expect(processExitsWith: .success) { [text] in
            let socket = try ListenAddress(text)
            let test = try TestServer { $0.socket = socket }
            try test.start()
            #expect(test.eventually { socket.isAnswered })
            test.server.stop()
            #expect(test.server.drain(within: .seconds(5)))
        }
    }
}

/// Listens at a path as another program would.
private func listeningSocket(at path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    listen(descriptor, 8)
    return descriptor
}

/// Leaves what a server that was killed leaves.
private func leaveStaleSocket(at path: String) { close(listeningSocket(at: path)) }

private func refusal(_ cause: ListenError.Cause, _ socket: ListenAddress) -> MilterError {
    .socket(ListenError(cause, at: socket, setting: "milter.socket"))
}
