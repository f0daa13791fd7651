// SPDX-License-Identifier: Apache-2.0
import Foundation
import Processes
import TestKit
import Testing
@testable import MTASetup

@Suite("Sendmail is asked what its policy map answers")
struct SendmailControlTests {
    /// Asks a program that notes how it was called and what it could read, and then says `answer`.
    private func ask(_ answer: String) async throws -> (arguments: String, input: String, parent: String) {
        // A name that a shell would take apart.
        let folder = try TemporaryDirectory("sts-lab $(x) 'control'")
        let program = try folder.write(
            "sendmail",
            """
            #!/bin/sh
            cd "${0%/*}"
            echo "$*" >arguments
            cat >input
            cat /proc/$PPID/comm >parent
            \(answer)
            """, mode: 0o755)
        let control = SendmailControl(
            macros: folder.path + "/sendmail.mc", configuration: folder.path + "/sendmail.cf", program: program,
            build: "true", reload: .shell("true"))
        try await control.ask(map: "sts", for: "$(touch there).example")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/there"))
        func read(_ name: String) throws -> String {
            try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
        }
        return try (read("arguments"), read("input"), read("parent"))
    }

    @Test(
        "an answer, or that there is none for the domain, is taken", arguments: ["returns secure (0)", "no match (68)"])
    func answers(_ words: String) async throws {
        let asked = try await ask("echo 'map_lookup(sts, x) \(words)'")
        #expect(asked.arguments == "-bt\n" && asked.input == "/map sts $(touch there).example\n")
        #expect(asked.parent != "sh\n")
    }

    @Test("a map that does not answer is an error in the program's words")
    func silence() async {
        let error = await #expect(throws: SetupError.self) { try await ask("echo 'tempfail (75)'") }
        #expect(error?.description == "the policy map does not answer: tempfail (75)")
    }
}

@Suite("Where the folder has no Makefile, sendmail.cf is what m4 makes of sendmail.mc")
struct SendmailBuildTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let m4: String
        /// Nil where the file stays as it was.
        let made: String?
        let error: String?

        init(_ name: String, m4: String, made: String?, error: String? = nil) {
            (testDescription, self.m4, self.made, self.error) = (name, m4, made, error)
        }
    }

    static let cases = [
        Case(
            "what m4 says, octet for octet", m4: "printf 'V10\\0\\377'; cat \"$@\"", made: "V10\0\u{fffd}divert(0)"),
        Case("a remark of a feature", m4: "echo '*** WARNING: of a feature' >&2; echo V10", made: "V10\n"),
        Case(
            "half a file and a status", m4: "echo V10; echo no such include >&2; exit 1", made: nil,
            error: "no such include"),
        Case(
            "an error that a feature prints", m4: "echo V10; echo '*** ERROR: of a feature' >&2", made: nil,
            error: "sendmail.cf: *** ERROR: of a feature"),
        Case(
            "an error of a feature in the file", m4: "echo '*** ERROR: none'", made: nil,
            error: "sendmail.cf: *** ERROR: none"),
    ]

    @Test("the file is whole and keeps its mode, or stays as it was", arguments: cases)
    func build(_ one: Case) async throws {
        // A name that a shell would take apart.
        let folder = try TemporaryDirectory("sts-lab $(x) 'build'")
        let macros = try folder.write("sendmail.mc", "divert(0)")
        let configuration = try folder.write("sendmail.cf", "old", mode: 0o640)
        let m4 = try folder.write("m4", "#!/bin/sh\n\(one.m4)\n", mode: 0o755)
        let control = SendmailControl(
            macros: macros, configuration: configuration, program: "/bin/false", build: nil, m4: m4,
            reload: Program("/bin/true", []))
        var said: String?
        do { try await control.change(SetupPlan()) } catch { said = "\(error)" }
        if let error = one.error { #expect(said?.contains(error) == true) } else { #expect(said == nil) }
        #expect(readFile(configuration) == one.made ?? "old")
        let mode = try FileManager.default.attributesOfItem(atPath: configuration)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["m4", "sendmail.cf", "sendmail.mc"])
    }

    @Test("a machine without m4 is told so, and keeps its file")
    func missing() async throws {
        let folder = try TemporaryDirectory()
        let configuration = try folder.write("sendmail.cf", "old")
        let control = SendmailControl(
            macros: folder.path + "/sendmail.mc", configuration: configuration, program: "/bin/false", build: nil,
            m4: folder.path + "/m4", reload: Program("/bin/true", []))
        let error = await #expect(throws: SetupError.self) { try await control.change(SetupPlan()) }
        #expect(error?.description.contains("No such file or directory") == true)
        #expect(readFile(configuration) == "old")
    }
}
