// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit
import Testing
@testable import MTASetup

@Suite("The files that setup changes")
struct SetupBackupTests {
    private struct Site {
        let folder: TemporaryDirectory
        let backup: SetupBackup
        var main: String { folder.path + "/main.cf" }
        var dropIn: String { folder.path + "/drop-in.conf" }

        init() throws {
            folder = try TemporaryDirectory()
            backup = SetupBackup(of: "postfix", directory: folder.path + "/backups")
            try Data([0xFF, 0x00, 0x0A]).write(to: URL(fileURLWithPath: main))
            chmod(main, 0o604)
        }

        func write(_ text: String) throws {
            try backup.keep(FileStates(of: [main, dropIn]))
            try SetupBackup.replace(main, by: Data(text.utf8))
            try SetupBackup.replace(dropIn, by: Data(text.utf8))
            try backup.noteWritten()
        }

        func read(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }
    }

    @Test("come back octet for octet, with their mode; what was not there goes")
    func undo() throws {
        let site = try Site()
        let modified = ModificationTime(of: site.main)
        try site.write("one\n")
        #expect(site.read(site.main) == Data("one\n".utf8))
        // A second setup on top: undo goes back to before the first.
        try site.write("two\n")
        #expect(try site.backup.undo() == [site.main, site.dropIn])
        #expect(site.read(site.main) == Data([0xFF, 0x00, 0x0A]))
        #expect(site.read(site.dropIn) == nil)
        // By which a site's make knows that nothing is to be done.
        #expect(ModificationTime(of: site.main) == modified)
        var status = stat()
        #expect(stat(site.main, &status) == 0 && status.st_mode & 0o7777 == 0o604)
        #expect(!site.backup.exists)
        #expect(throws: SetupError.self) { try site.backup.undo() }
    }

    @Test("stay where somebody has changed one of them since, unless that is forced")
    func changed() throws {
        let site = try Site()
        try site.write("one\n")
        try Data("mine\n".utf8).write(to: URL(fileURLWithPath: site.main))
        let error = #expect(throws: SetupError.self) { try site.backup.undo() }
        #expect(error?.description.contains(site.main) == true)
        #expect(site.read(site.main) == Data("mine\n".utf8) && site.read(site.dropIn) == Data("one\n".utf8))
        #expect(try site.backup.undo(force: true) == [site.main, site.dropIn])
        #expect(site.read(site.main) == Data([0xFF, 0x00, 0x0A]))
    }

    @Test("of a run that failed are as before it; only where nothing is left of a setup there is none to undo")
    func failedRun() throws {
        let site = try Site()
        let first = try FileStates(of: [site.main, site.dropIn])
        try site.write("one\n")
        let second = try FileStates(of: [site.main, site.dropIn])
        try site.write("two\n")
        #expect(try second.restore() == [site.main, site.dropIn])
        try site.backup.noteRestored()
        #expect(site.read(site.main) == Data("one\n".utf8) && site.backup.exists)
        #expect(try first.restore() == [site.main, site.dropIn])
        try site.backup.noteRestored()
        #expect(site.read(site.main) == Data([0xFF, 0x00, 0x0A]) && site.read(site.dropIn) == nil)
        #expect(!site.backup.exists)
    }

    @Test("take the folders with them that setup made, but none with somebody else's files")
    func folders() throws {
        let site = try Site()
        let paths = ["new/conf.d/setup.toml", "other/setup.toml"].map { "\(site.folder.path)/\($0)" }
        try site.backup.keep(FileStates(of: paths))
        for name in ["new/conf.d", "other"] { _ = try site.folder.makeDirectory(name) }
        for path in paths { try SetupBackup.replace(path, by: Data("one\n".utf8)) }
        try site.backup.noteWritten()
        try site.folder.write("other/mine.toml", "")
        #expect(try site.backup.undo() == paths)
        #expect(!FileManager.default.fileExists(atPath: site.folder.path + "/new"))
        #expect(site.read(site.folder.path + "/other/mine.toml") != nil)
    }

    @Test("of several Postfixes name each, so that all can be told")
    func postfixes() throws {
        let site = try Site()
        try site.write("one\n")
        let second = site.folder.path + "/second"
        try site.backup.keep(FileStates(of: [second + "/main.cf"]))
        #expect(try site.backup.postfixDirectories == [site.folder.path, second])
    }

    @Test("are of one MTA: another's setup neither adds to them nor puts them back")
    func otherMTA() throws {
        let site = try Site()
        try site.write("one\n")
        let other = SetupBackup(of: "sendmail", directory: site.folder.path + "/backups")
        #expect(throws: SetupError.self) { try other.keep(FileStates(of: [site.main])) }
        #expect(throws: SetupError.self) { try other.undo(force: true) }
        #expect(site.read(site.main) == Data("one\n".utf8))
    }

    @Test("a link stays a link, and the backup is closed to others")
    func link() throws {
        let site = try Site()
        let link = site.folder.path + "/link.cf"
        #expect(symlink(site.main, link) == 0)
        try site.backup.keep(FileStates(of: [link]))
        try SetupBackup.replace(link, by: Data("one\n".utf8))
        try site.backup.noteWritten()
        var status = stat()
        #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(site.read(site.main) == Data("one\n".utf8))
        #expect(stat(site.folder.path + "/backups", &status) == 0 && status.st_mode & 0o077 == 0)
        #expect(stat(site.folder.path + "/backups/setup.json", &status) == 0 && status.st_mode & 0o077 == 0)
    }
}
