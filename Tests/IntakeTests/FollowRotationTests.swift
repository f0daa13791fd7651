// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
@testable import Intake

/// Each case is a list of deeds; the lines that the log had are all read, once, in their order.
@Suite("A log is read through its rotations, each line once")
struct FollowRotationTests {
    enum Deed: Sendable, CustomStringConvertible {
        case write(String), rename, copyTruncate, read, restart
        var description: String {
            switch self {
            case .write(let text): "write \(text)"
            case .rename: "rename"
            case .copyTruncate: "copytruncate"
            case .read: "read"
            case .restart: "restart"
            }
        }
    }

    static let cases: [[Deed]] = [
        [.write("a\nb\n"), .read, .write("c\n"), .read],
        [.write("a\nb"), .read, .write("c\n"), .read],
        [.write("a\nb"), .read, .restart, .write("c\n"), .read, .restart],
        // By rename: noticed at once, late, and after a restart.
        [.write("a\n"), .read, .rename, .write("b\n"), .read],
        [.write("a\n"), .read, .rename, .read, .write("b\n"), .read],
        [.write("a\n"), .read, .write("b\n"), .rename, .write("c\n"), .read],
        [.write("a\n"), .read, .write("b\n"), .rename, .restart, .read, .write("c\n"), .read],
        [.write("a\n"), .read, .write("b\n"), .rename, .write("c\n"), .restart],
        // Twice and more between two looks.
        [.write("a\n"), .read, .write("b\n"), .rename, .write("c\n"), .rename, .write("d\n"), .restart],
        [
            .write("a\n"), .read, .write("b\n"), .rename, .write("c\n"), .rename, .write("d\n"), .rename,
            .write("e\n"), .read,
        ],
        // A line that was cut by the rotation ends there.
        [.write("a\nb"), .read, .rename, .write("c\n"), .read],
        // By copytruncate: the tail not yet read is in the copy.
        [.write("a\n"), .read, .copyTruncate, .write("b\n"), .read],
        [.write("a\n"), .read, .write("b\n"), .copyTruncate, .read, .write("c\n"), .read],
        [.write("a\n"), .read, .write("b\n"), .copyTruncate, .write("c longer than before\n"), .restart],
        [.write("a\n"), .read, .write("b\n"), .copyTruncate, .write("c\n"), .copyTruncate, .write("d\n"), .restart],
        [.write("a\n"), .read, .copyTruncate, .restart, .write("b\n"), .restart, .read, .write("c\n"), .restart],
        [.write("a\n"), .read, .rename, .write("b\n"), .copyTruncate, .write("c\n"), .read],
        [.write("a\n"), .read, .write("b\n"), .copyTruncate, .write("c\n"), .rename, .write("d\n"), .restart],
    ]

    @Test("whatever comes between the looks", arguments: cases)
    func reads(_ deeds: [Deed]) throws {
        let scratch = try LogScratch()
        var world = try World(scratch)
        var written = ""
        for deed in deeds {
            switch deed {
            case .write(let text):
                try scratch.write(text)
                written += text
            case .rename:
                try scratch.rename()
                if written.last != "\n" { written += "\n" }
            case .copyTruncate: try scratch.copyAndTruncate()
            case .read: try world.readToEnd()
            case .restart: try world.restart()
            }
        }
        try world.readToEnd()
        #expect(world.text == written)
        #expect(world.steps.allSatisfy { $0 != .lost })
    }

    @Test("a log that is gone or compressed when it is looked for is said to be lost")
    func lost() throws {
        let scratch = try LogScratch()
        try scratch.write("a\n")
        var world = try World(scratch)
        try world.readToEnd()
        try scratch.cut()
        try scratch.write("b\n")
        try world.readToEnd()
        #expect(world.text == "a\nb\n")
        #expect(world.steps.contains(.lost))
    }

    @Test("the old file is read until the new one is written to")
    func slowWriter() throws {
        let scratch = try LogScratch()
        try scratch.write("a\n")
        var world = try World(scratch)
        try world.readToEnd()
        try scratch.rename()
        try scratch.write("")
        try world.readToEnd()
        try scratch.write("b\n", to: "mail.log.1")
        try world.readToEnd()
        try scratch.write("d\n")
        try scratch.write("c\n", to: "mail.log.1")
        try world.readToEnd()
        #expect(world.text == "a\nb\nc\nd\n")
    }

    @Test("the next file is cut before anything was read of it")
    func cutAtOnce() throws {
        let scratch = try LogScratch()
        try scratch.write("a\n")
        var world = try World(scratch)
        try world.readToEnd()
        try scratch.rename()
        try scratch.write("b\n")
        while world.steps.last != .moved { try world.step() }
        try scratch.copyAndTruncate()
        try world.restart()
        try scratch.write("c\n")
        try world.readToEnd()
        #expect(world.text == "a\nb\nc\n")
    }

    @Test("behind a symbolic link")
    func link() throws {
        let (scratch, other) = (try LogScratch(), try LogScratch())
        try scratch.write("a\n")
        try FileManager.default.createSymbolicLink(atPath: other.log, withDestinationPath: scratch.log)
        var world = try World(other)
        try world.readToEnd()
        try scratch.write("b\n")
        try scratch.rename()
        try scratch.write("c\n")
        try world.restart()
        try world.readToEnd()
        #expect(world.text == "a\nb\nc\n")
    }

    @Test("an inode that is used again is another file")
    func sameInode() throws {
        let scratch = try LogScratch()
        try scratch.write("first\n")
        var world = try World(scratch)
        try world.readToEnd()
        // The same file from the system's view, with other content of the same length and more.
        try scratch.cut()
        try scratch.write("other\nmore\n")
        try world.restart()
        try world.readToEnd()
        #expect(world.text == "first\nother\nmore\n")
    }

    @Test(
        "a rotated name has a number or a day put in",
        arguments: [
            ("mail.log.1", true), ("mail.log-20261126", true), ("mail.1.log", true), ("mail-20261126.log", true),
            ("mail.log", false), ("mail.log.1.gz", false), ("mail.err.1", false), ("mail.log.old", false),
            ("mail.log.", false), ("mail.log-", false), ("1mail.log", true), ("mail", false), ("", false),
        ])
    func names(_ name: String, _ isRotated: Bool) {
        #expect(LogFileSiblings(of: "/var/log/mail.log").isRotated(name) == isRotated)
    }

    /// A tail and what it gave.
    struct World {
        let scratch: LogScratch
        private var tail: LogFileTail
        var text = ""
        var steps: [LogFileTail.Step] = []

        init(_ scratch: LogScratch) throws {
            self.scratch = scratch
            try scratch.write("")
            tail = try LogFileTail(path: scratch.log, mark: nil, beginsAtEnd: false)
        }

        mutating func restart() throws {
            let mark = try JSONDecoder().decode(LogFileMark.self, from: JSONEncoder().encode(tail.mark))
            tail = try LogFileTail(path: scratch.log, mark: mark, beginsAtEnd: true)
        }

        /// Until nothing changes for two looks.
        mutating func readToEnd() throws {
            var ends = 0
            while ends < 2 {
                try step()
                ends = steps.last == .end ? ends + 1 : 0
            }
        }

        mutating func step() throws {
            var given = ""
            steps.append(try tail.step { given += String(decoding: $0, as: UTF8.self) })
            text += given
        }
    }
}
