// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit
import Synchronization
import Testing
import TestKit
@testable import Processes

@Suite("Programs that are handed something: they see its end, or none", .serialized)
struct FeedTests {
    private let files: TemporaryDirectory
    private let asked = Counter()

    init() throws { files = try TemporaryDirectory("sts-feed") }

    private func feed(
        _ script: String, _ bytes: Int = 20, within limit: Duration = .seconds(20), consent: Bool = true
    ) async throws -> FedProgram {
        let program = Program("/bin/sh", ["-c", "cd '\(files.path)'; \(script)"])
        return try await program.feed(
            [UInt8](repeating: UInt8(ascii: "x"), count: bytes), within: limit, keptBytes: 10
        ) {
            asked.add()
            return consent
        }
    }

    private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: files.path + "/" + name) }

    @Test("it reads all and sees the end", arguments: [1, 20, 65_536, 65_537, 3_000_000])
    func whole(_ size: Int) async throws {
        let fed = try await feed("cat >copy; echo taken; exit 7", size)
        #expect(fed == FedProgram(input: .whole, end: .exited(7), said: Array("taken\n".utf8)))
        #expect(files.read("copy").utf8.count == size)
        #expect(asked.count == 1)
    }

    @Test("consent is asked for when all but the last octet was written")
    func order() async throws {
        let program = Program("/bin/sh", ["-c", "cd '\(files.path)'; head -c 9 >first; touch there; cat >rest"])
        let fed = try await program.feed(Array("0123456789".utf8), within: .seconds(20), keptBytes: 0) {
            try? await Wait.until("nine octets") { exists("there") }
            return !exists("rest") || files.read("rest").isEmpty
        }
        #expect(fed.input == .whole && fed.end == .exited(0))
        #expect(files.read("first") == "012345678" && files.read("rest") == "9")
    }

    @Test("without consent it sees no end, and neither do its children", arguments: [1, 20, 500_000])
    func withdrawn(_ size: Int) async throws {
        let script = "exec 3<&0; (cat <&3 >copy; touch whole-child) & echo $! >child; cat >copy2; touch whole"
        let fed = try await feed(script, size, consent: false)
        #expect(fed.input == .withdrawn)
        #expect(!exists("whole") && !exists("whole-child") && asked.count == 1)
        if let child = pid_t(files.read("child").dropLast()) {
            try await Wait.until("the child ended") { isDead(child) }
        }
        #expect(!exists("whole-child"))
    }

    @Test("one that ends while the last octet waits has a part")
    func endedWhileHeld() async throws {
        let program = Program("/bin/sh", ["-c", "cd '\(files.path)'; head -c 9 >/dev/null; touch there; kill -9 $$"])
        let fed = try await program.feed(Array("0123456789".utf8), within: .seconds(20), keptBytes: 0) {
            try? await Wait.until("it is over") { exists("there") }
            try? await Task.sleep(for: .milliseconds(500))
            return true
        }
        #expect(fed == FedProgram(input: .part, end: .killed(signal: SIGKILL), said: []))
    }

    /// A program that has begun and is let go of at the end of this function.
    private func begin() async throws -> pid_t {
        let program = Program("/bin/sh", ["-c", "cd '\(files.path)'; echo $$ >pid; cat >/dev/null; touch whole"])
        let feeding = try await program.prepare([1, 2], within: .seconds(20), keptBytes: 0)
        try await Wait.until("it has begun") { exists("pid") && files.read("pid").hasSuffix("\n") }
        guard case .held = feeding else { throw LabError("not held") }
        return try #require(pid_t(files.read("pid").dropLast()))
    }

    @Test("what is let go of is withdrawn")
    func letGo() async throws {
        let child = try await begin()
        try await Wait.until("it has ended") { isDead(child) }
        #expect(!exists("whole"))
    }

    @Test("one that ends before it has all has a part")
    func part() async throws {
        let fed = try await feed("head -c 10 >/dev/null; echo full; exit 75", 1_000_000)
        #expect(fed == FedProgram(input: .part, end: .exited(75), said: Array("full\n".utf8)))
        #expect(asked.count == 0)
    }

    @Test("one that reads no more has a second to say why")
    func noReader() async throws {
        let fed = try await feed("exec <&-; sleep 0.2; echo disk; exit 1", 1_000_000)
        #expect(fed == FedProgram(input: .part, end: .exited(1), said: Array("disk\n".utf8)))
        let start = ContinuousClock.now
        let silent = try await feed("exec <&-; sleep 1000", 1_000_000)
        #expect(silent.input == .part && silent.end == .tooLate)
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("one that does not read ends when its time is up, and sees no end")
    func deaf() async throws {
        let fed = try await feed("sleep 1000; touch whole", 1_000_000, within: .milliseconds(300))
        #expect(fed.input == .part && fed.end == .tooLate && asked.count == 0 && !exists("whole"))
    }

    @Test("one that has all and does not end is killed with its children when its time is up")
    func hanging() async throws {
        let fed = try await feed("cat >/dev/null; sleep 1000 & echo $! >child; wait", within: .milliseconds(500))
        #expect(fed.input == .whole && fed.end == .tooLate)
        let child = try #require(pid_t(files.read("child").dropLast()))
        try await Wait.until("the child ended") { isDead(child) }
    }

    @Test("what it says is read to the end and kept up to the limit")
    func talkative() async throws {
        let fed = try await feed("yes | head -c 3000000 >&2; cat >/dev/null; yes | head -c 3000000; exit 70")
        #expect(fed == FedProgram(input: .whole, end: .exited(70), said: Array("y\ny\ny\ny\ny\n".utf8)))
    }

    @Test("a cancellation before consent withdraws it, and one after it changes nothing")
    func cancelled() async throws {
        let before = Task {
            // Not from outside: that may come too late.
            withUnsafeCurrentTask { $0?.cancel() }
            return try await feed("cat >/dev/null; touch whole")
        }
        #expect(try await before.value.input == .withdrawn)
        #expect(asked.count == 0 && !exists("whole"))
        let task = Locked<Task<FedProgram, any Error>?>(nil)
        let program = Program("/bin/sh", ["-c", "cd '\(files.path)'; cat >copy; sleep 0.2; echo late; exit 3"])
        let after = Task {
            try await program.feed(Array("message".utf8), within: .seconds(20), keptBytes: 10) {
                task.withLock { $0?.cancel() }
                return true
            }
        }
        task.withLock { $0 = after }
        let fed = try await after.value
        #expect(fed == FedProgram(input: .whole, end: .exited(3), said: Array("late\n".utf8)))
        #expect(files.read("copy") == "message")
    }

    @Test("what cannot be started asks nobody")
    func cannotStart() async throws {
        await #expect(throws: CannotStart(text: "No such file or directory")) {
            try await Program("/nonexistent", []).feed([1], within: .seconds(1), keptBytes: 1) { true }
        }
    }
}

extension Program {
    /// Both steps; the second if `consent` agrees.
    fileprivate func feed(
        _ bytes: [UInt8], within limit: Duration, keptBytes: Int, consent: () async -> Bool
    ) async throws -> FedProgram {
        switch try await prepare(bytes, within: limit, keptBytes: keptBytes) {
        case .ended(let fed): fed
        case .held(let held): await consent() ? held.finish() : held.withdraw()
        }
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}
