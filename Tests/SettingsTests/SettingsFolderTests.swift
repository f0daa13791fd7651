// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit
import Testing

@testable import Settings

@Suite("Files of conf.d add to the settings file")
struct SettingsFolderTests {
    private let folder: TemporaryDirectory
    private var file: String { folder.path + "/sts-milter.toml" }
    private var added: String { folder.path + "/conf.d" }

    init() throws {
        folder = try TemporaryDirectory()
        _ = try folder.makeDirectory("conf.d")
    }

    private func read() throws(SettingsError) -> Settings { try Settings(path: file) }

    @Test("keys of one table may stand in several files, blocks come one behind the other")
    func together() throws {
        try folder.write(
            "sts-milter.toml",
            "network.helo_name = \"mta.lab\"\n[milter]\nlookup_wait = \"4s\"\n[[pin]]\n" + pin("a.lab"))
        try folder.write("conf.d/b.toml", "[milter]\nsocket = \"inet:9000@127.0.0.1\"\n[[pin]]\n" + pin("c.lab"))
        try folder.write("conf.d/a.toml", "on_violation = \"log\"\n[[pin]]\n" + pin("b.lab"))
        // No settings: an editor's copy, and what is hidden.
        try folder.write("conf.d/a.toml~", "on_violation = 1\n")
        try folder.write("conf.d/.b.toml", "on_violation = 1\n")
        let settings = try read()
        #expect(settings.milter.socket.description == "inet:9000@127.0.0.1")
        #expect(settings.milter.lookupWait == .seconds(4) && settings.isDryRun)
        #expect(settings.localPolicies.all.map(\.domain.ascii).sorted() == ["a.lab", "b.lab", "c.lab"])
    }

    @Test("a file that cannot be read is told with the reason and the cure")
    func unreadable() throws {
        func problem() throws -> String { try #require(throws: SettingsError.self) { try read() }.description }
        #expect(
            try problem()
                == "\(file): cannot be read (No such file or directory): name another with --config, or create it (all keys are optional)"
        )
        _ = try folder.makeDirectory("sts-milter.toml")
        #expect(try problem() == "\(file): cannot be read (Is a directory): name a file")
        try FileManager.default.removeItem(atPath: file)
        try folder.write("sts-milter.toml", "")
        try FileManager.default.createSymbolicLink(atPath: added + "/a.toml", withDestinationPath: "/nonexistent")
        #expect(
            try problem()
                == "\(added)/a.toml: cannot be read (No such file or directory): make what it links to, or remove it")
    }

    private func pin(_ domain: String) -> String {
        "domain = \"\(domain)\"\nmode = \"enforce\"\nmx = [\"mx.\(domain)\"]\n"
    }

    @Test("a key in two files is refused, with both places")
    func twice() throws {
        try folder.write("sts-milter.toml", "on_violation = \"log\"\n\n[milter]\nlookup_wait = \"4s\"\n")
        try folder.write("conf.d/a.toml", "# one\non_violation = \"defer\"\n[milter]\nlookup_wait = \"5s\"\n")
        let error = try #require(throws: SettingsError.self) { try read() }
        #expect(
            error.problems.map(\.description) == [
                "\(added)/a.toml:2: on_violation: stands at \(file):1, too; take one of them out",
                "\(added)/a.toml:4: milter.lookup_wait: stands at \(file):4, too; take one of them out",
            ])
    }

    @Test("a problem names the file and the line, in a block as well")
    func places() throws {
        try folder.write("sts-milter.toml", "[[pin]]\n" + pin("a.lab"))
        try folder.write("conf.d/a.toml", "on_unknown = 3\n[[pin]]\n" + pin("b.lab") + "wrong = 1\n")
        let error = try #require(throws: SettingsError.self) { try read() }
        #expect(error.problems.map(\.file) == ["\(added)/a.toml", "\(added)/a.toml"])
        #expect(error.problems.map(\.line) == [1, 6])
    }

    @Test(
        "the usual file may be missing, its folder counts all the same; a folder that anybody may write to is refused")
    func folderAlone() throws {
        try folder.write("conf.d/a.toml", "on_violation = \"log\"\n")
        #expect(try SettingsSource(path: file, mayBeMissing: true).read().isDryRun)
        #expect(throws: SettingsError.self) { try SettingsSource(path: file).read() }
        #expect(chmod(added, 0o777) == 0)
        let error = try #require(throws: SettingsError.self) {
            try SettingsSource(path: file, mayBeMissing: true).read()
        }
        #expect(error.description.hasPrefix("\(added): must belong to root"))
    }
}
