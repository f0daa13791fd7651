// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Glibc
import TestKit
import Testing

@testable import Daemon

@Suite("A pause is said, kept over restarts, and ends")
struct PauseControlTests {
    let clock = TestClock()
    let log = CapturedLog()
    let directory: TemporaryDirectory
    let changes = Locked(0)

    init() throws { directory = try TemporaryDirectory() }

    private var file: PauseFile { PauseFile(besideDatabase: directory.path + "/sts-milter.sqlite") }

    /// A daemon's, of one life.
    private func life(_ file: PauseFile? = nil) async -> (pause: Pause, control: PauseControl) {
        let pause = Pause(clock: clock)
        let control = PauseControl(
            pause, file: file ?? self.file, clock: clock, logger: log.logger
        ) { [changes] in changes.withLock { $0 += 1 } }
        await control.restore()
        return (pause, control)
    }

    private func lines(_ text: String) -> [String] { log.lines.filter { $0.contains(text) } }

    @Test("it is said at its begin, once an hour, and at its end")
    func said() async {
        let (pause, control) = await life()
        let until = clock.now + .seconds(7800)
        let reply = await control.pause(for: .seconds(7800))
        #expect(reply.succeeded)
        #expect(reply.lines == ["paused until \(until): all mail goes, unprotected; sts-milter resume ends it"])
        #expect(pause.until == until)
        #expect(log.lines == ["warning paused: all mail goes, unprotected until=\(until)"])
        for _ in 0..<7799 {
            clock.advance(by: .seconds(1))
            await control.look()
        }
        #expect(lines("warning still paused: all mail goes, unprotected until=\(until)").count == 2)
        #expect(changes.withLock { $0 } == 1)
        clock.advance(by: .seconds(1))
        await control.look()
        await control.look()
        #expect(lines("notice the pause is over ended_by=its time").count == 1)
        #expect(!pause.isInForce && changes.withLock { $0 } == 2)
        #expect(log.lines.count == 4)
        #expect(access(file.path, F_OK) != 0)
    }

    @Test("resume ends it at once, and says so where there is none")
    func resume() async {
        let (pause, control) = await life()
        _ = await control.pause(for: .seconds(60))
        #expect(await control.resume().lines == ["the pause is over"])
        #expect(!pause.isInForce && lines("notice the pause is over ended_by=sts-milter resume").count == 1)
        #expect(access(file.path, F_OK) != 0)
        let reply = await control.resume()
        #expect(reply.succeeded && reply.lines == ["there was no pause"])
        #expect(lines("the pause is over").count == 1)
        await control.look()
        #expect(lines("the pause is over").count == 1)
    }

    @Test("a second one sets another end")
    func again() async {
        let (pause, control) = await life()
        _ = await control.pause(for: .seconds(600))
        clock.advance(by: .seconds(60))
        _ = await control.pause(for: .seconds(120))
        #expect(pause.until == clock.now + .seconds(120))
        #expect(await life().pause.until == clock.now + .seconds(120))
    }

    @Test("it lasts no longer than a week, and not less than a second", arguments: [-1, 0, 604_801, Int64.max])
    func bounds(_ seconds: Int64) async {
        let (pause, control) = await life()
        #expect(await !control.pause(for: .seconds(seconds)).succeeded)
        #expect(!pause.isInForce && log.lines.isEmpty && access(file.path, F_OK) != 0)
    }

    @Test("it goes on after a restart, with its end, and is said anew")
    func restart() async {
        let until = clock.now + .seconds(7200)
        _ = await life().control.pause(for: .seconds(7200))
        clock.advance(by: .seconds(3000))
        let second = await life()
        #expect(second.pause.until == until)
        #expect(lines("warning paused: all mail goes, unprotected until=\(until)").count == 2)
        var status = stat()
        #expect(stat(file.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        // It ended while nobody ran.
        clock.advance(by: .seconds(4200))
        #expect(await !life().pause.isInForce)
        #expect(access(file.path, F_OK) != 0)
    }

    @Test("a clock that went back makes it no longer than it was to be")
    func clockBack() async {
        _ = await life().control.pause(for: .seconds(600))
        clock.advance(by: .seconds(-86_400))
        #expect(await life().pause.until == clock.now + .seconds(600))
    }

    static let spoiltTexts: [String] = [
        "", "begun x\nuntil y\n", "begun 1790000000\n", "until 1790000100\n",
        "begun 1789999999 1\nuntil 1790000100 1\n", "begun 99999999999999999999\nuntil 99999999999999999999\n",
    ]

    @Test("what does not say from when to when is no pause", arguments: spoiltTexts)
    func spoilt(_ text: String) async throws {
        try writeFile(file.path, text, mode: 0o600)
        #expect(await !life().pause.isInForce)
        #expect(lines("warning a pause was kept that cannot be used, it is ignored").count == 1)
    }

    @Test(
        "nor is one that no command can have made",
        arguments: [
            "begun 1790000000\nuntil 1790604801\n", "begun 1790000100\nuntil 1790000100\n",
            "begun 1790000200\nuntil 1790000100\n", "begun -9223372036854775808\nuntil 9223372036854775807\n",
        ])
    func impossible(_ text: String) async throws {
        try writeFile(file.path, text, mode: 0o600)
        #expect(await !life().pause.isInForce)
        // As long as it may be.
        try writeFile(file.path, "begun 1790000000\nuntil 1790604800\n", mode: 0o600)
        #expect(await life().pause.isInForce)
    }

    @Test("nor one that somebody else may have written")
    func others() async throws {
        let good = "begun 1790000000\nuntil 1790000100\n"
        for mode in [mode_t(0o666), 0o620, 0o602] {
            try writeFile(file.path, good, mode: mode)
            #expect(await !life().pause.isInForce, "\(String(mode, radix: 8))")
        }
        try writeFile(file.path, good, mode: 0o600)
        #expect(chown(file.path, 65_534, 65_534) == 0)
        #expect(await !life().pause.isInForce)
        unlink(file.path)
        let target = try directory.write("target", good, mode: 0o600)
        #expect(symlink(target, file.path) == 0)
        #expect(await !life().pause.isInForce)
        unlink(file.path)
        #expect(mkfifo(file.path, 0o600) == 0)
        #expect(await !life().pause.isInForce)
        #expect(lines("warning a pause was kept that cannot be used, it is ignored").count == 6)
    }

    @Test("one that cannot be kept is in force, and command and log say that a restart ends it")
    func notKept() async {
        let (pause, control) = await life(PauseFile(besideDatabase: directory.path + "/none/sts-milter.sqlite"))
        let reply = await control.pause(for: .seconds(60))
        #expect(reply.succeeded && pause.isInForce)
        #expect(reply.lines.last?.hasSuffix("(No such file or directory): a restart ends it") == true, "\(reply)")
        #expect(lines("warning the pause could not be kept, a restart ends it").count == 1)
    }

    @Test("one that cannot be forgotten is over, and the command says what a restart would do")
    func notForgotten() async throws {
        let (pause, control) = await life()
        _ = await control.pause(for: .seconds(60))
        unlink(file.path)
        // A directory cannot be removed as a file.
        #expect(mkdir(file.path, 0o700) == 0)
        let reply = await control.resume()
        #expect(!reply.succeeded && !pause.isInForce)
        #expect(reply.lines.first?.contains("cannot be removed (Is a directory): remove it") == true, "\(reply)")
    }

    @Test("nobody looks while there is none, and its end is noticed")
    func run() async throws {
        let (pause, control) = await life()
        let work = Task { await control.run() }
        _ = await control.pause(for: .seconds(60))
        clock.advance(by: .seconds(60))
        #expect(!pause.isInForce)
        while lines("the pause is over").isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        _ = await control.pause(for: .seconds(60))
        clock.advance(by: .seconds(60))
        while lines("the pause is over").count < 2 { try await Task.sleep(for: .milliseconds(20)) }
        work.cancel()
        await work.value
    }
}
