// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Testing
import TestKit
@testable import Processes

@Suite("Programs: asked under limits, and given nothing of ours", .serialized)
struct ProgramTests {
    private func shell(_ script: String, environment: [String: String]? = Program.plainEnvironment) -> Program {
        Program("/bin/sh", ["-c", script], environment: environment)
    }

    private func run(
        _ script: String, within limit: Duration = .seconds(20), limitBytes: Int = 1 << 20
    ) async throws(ProgramFailure) -> ProgramOutput {
        try await shell(script).run(within: limit, outputLimitBytes: limitBytes)
    }

    @Test("both outputs and the status come back, whatever the status", arguments: [0, 1, 75, 255])
    func status(_ status: Int32) async throws {
        let said = try await run("echo out; echo err >&2; exit \(status)")
        #expect(said == ProgramOutput(status: status, output: Array("out\n".utf8), errors: Array("err\n".utf8)))
    }

    @Test("a death by signal is 128 and its number")
    func signalled() async throws {
        #expect(try await run("kill -TERM $$").status == 128 + SIGTERM)
        #expect(try await run("kill -KILL $$").status == 128 + SIGKILL)
    }

    @Test("it reads an empty input, and no shell comes between")
    func arguments() async throws {
        let said = try await Program("/usr/bin/printf", ["%s|", "a b", "$HOME;", "*", "", "--x"]).run(
            within: .seconds(20), outputLimitBytes: 100)
        #expect(String(decoding: said.output, as: UTF8.self) == "a b|$HOME;|*||--x|")
        #expect(try await run("cat").output == [])
    }

    @Test("what it is given to read it reads to the end, and no more", arguments: [1, 20, 65_537, 1_000_000])
    func reads(_ size: Int) async throws {
        let question = [UInt8](repeating: UInt8(ascii: "x"), count: size)
        let said = try await Program("/bin/cat", []).run(
            reading: question, within: .seconds(20), outputLimitBytes: 1 << 20)
        #expect(said == ProgramOutput(status: 0, output: question, errors: []))
    }

    @Test("what it leaves unread is no error, and a reader that never comes is waited for no longer than the limit")
    func unread() async throws {
        let question = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)
        let said = try await shell("echo out; exit 3").run(
            reading: question, within: .seconds(20), outputLimitBytes: 100)
        #expect(said == ProgramOutput(status: 3, output: Array("out\n".utf8), errors: []))
        await #expect(throws: ProgramFailure.tooLate(.milliseconds(300))) {
            try await shell("sleep 1000").run(reading: question, within: .milliseconds(300), outputLimitBytes: 100)
        }
    }

    @Test("its environment is the one given, or ours")
    func environment() async throws {
        let plain = try await Program("/usr/bin/env", []).run(within: .seconds(20), outputLimitBytes: 10_000)
        let lines = String(decoding: plain.output, as: UTF8.self).split(separator: "\n").sorted()
        #expect(lines == ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        setenv("STS_LAB_INHERITED", "yes", 1)
        defer { unsetenv("STS_LAB_INHERITED") }
        let ours = try await shell("echo $STS_LAB_INHERITED", environment: nil).run(
            within: .seconds(20), outputLimitBytes: 100)
        #expect(ours.output == Array("yes\n".utf8))
    }

    @Test("it has no descriptor of ours, no signal blocked or ignored, and a group of its own")
    func inheritance() async throws {
        // As a library leaves them open.
        let leaked = (0..<3).map { _ in open("/dev/null", O_RDONLY) }
        defer { for descriptor in leaked { close(descriptor) } }
        let before = signal(SIGUSR2, SIG_IGN)
        defer { signal(SIGUSR2, before) }
        // A descriptor of its own reads the directory.
        #expect(try await ask("/bin/ls", "-1", "/proc/self/fd") == ["0", "1", "2", "3"])
        let status = try await ask("/bin/sed", "-n", "s/^Sig[BI][lg][kn]:\t//p", "/proc/self/status")
        // Signals 32 and 33 are the C library's.
        #expect(status.map { (UInt64($0, radix: 16) ?? .max) & 0x7FFF_FFFF } == [0, 0])
        let numbers = try await ask("/bin/sed", "s/(.*)//", "/proc/self/stat").first?.split(separator: " ") ?? []
        // The process and its group.
        #expect(numbers.count > 3 && numbers[0] == numbers[3])
    }

    private func ask(_ path: String, _ arguments: String...) async throws -> [String] {
        let said = try await Program(path, arguments).run(within: .seconds(20), outputLimitBytes: 10_000)
        return String(decoding: said.output, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("when its time is up it is killed with its children")
    func tooLate() async throws {
        let files = try TemporaryDirectory("sts-program")
        let start = ContinuousClock.now
        await #expect(throws: ProgramFailure.tooLate(.milliseconds(300))) {
            try await run("sleep 1000 & echo $! >\(files.path)/child; wait", within: .milliseconds(300))
        }
        #expect(ContinuousClock.now - start < .seconds(10))
        try await hasEnded(files.path + "/child")
    }

    @Test("also when it has closed its outputs")
    func silent() async throws {
        await #expect(throws: ProgramFailure.tooLate(.milliseconds(300))) {
            try await run("exec >&- 2>&-; sleep 1000", within: .milliseconds(300))
        }
    }

    @Test("one that says too much, on either output, is killed", arguments: ["", ">&2"])
    func tooMuch(_ where: String) async throws {
        await #expect(throws: ProgramFailure.tooMuchOutput(100_000)) {
            try await run("yes \(`where`)", limitBytes: 100_000)
        }
        let all = try await run("head -c 100000 /dev/zero \(`where`)", limitBytes: 100_000)
        #expect(max(all.output.count, all.errors.count) == 100_000)
    }

    @Test("much on one output does not wait for the other")
    func both() async throws {
        let said = try await run("head -c 500000 /dev/zero >&2; head -c 500000 /dev/zero")
        #expect(said.output.count == 500_000 && said.errors.count == 500_000)
    }

    @Test("a child that stays behind with the outputs holds nobody up, and is left alone")
    func behind() async throws {
        let files = try TemporaryDirectory("sts-program")
        let said = try await run("sleep 1000 & echo $! >\(files.path)/child; echo done; exit 3")
        #expect(said.status == 3 && said.output == Array("done\n".utf8))
        let child = try #require(pid_t(files.read("child").dropLast()))
        #expect(kill(child, 0) == 0)
        kill(child, SIGKILL)
    }

    @Test("what cannot be started says why")
    func cannotStart() async throws {
        let missing = ProgramFailure.cannotStart("No such file or directory")
        await #expect(throws: missing) {
            try await Program("/nonexistent", []).run(within: .seconds(1), outputLimitBytes: 1)
        }
        await #expect(throws: ProgramFailure.cannotStart("Permission denied")) {
            try await Program("/etc/passwd", []).run(within: .seconds(1), outputLimitBytes: 1)
        }
    }

    @Test("the cancellation of a task ends no program")
    func cancelled() async throws {
        let task = Task { try await run("sleep 0.3; echo whole; exit 4") }
        task.cancel()
        let said = try await task.value
        #expect(said.status == 4 && said.output == Array("whole\n".utf8))
    }

    @Test("many at one time mix nothing up and leave no descriptor behind")
    func many() async throws {
        _ = try await run("exit 0")
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let said = try await run("echo \(number); exit \(number)")
                    #expect(said.status == number && said.output == Array("\(number)\n".utf8))
                }
            }
            try await group.waitForAll()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count <= before + 2)
    }

    private func hasEnded(_ file: String) async throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let process = try #require(pid_t(text.dropLast()))
        try await Wait.until("process \(process) ended") { isDead(process) }
    }
}

/// Whether a process has ended, also when nobody has waited for it.
func isDead(_ process: pid_t) -> Bool {
    guard let state = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return true }
    return String(decoding: state, as: UTF8.self).contains(") Z ")
}

extension TemporaryDirectory {
    /// What a file below the directory has; empty if there is none.
    func read(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path + "/" + name) ?? Data(), as: UTF8.self)
    }
}
