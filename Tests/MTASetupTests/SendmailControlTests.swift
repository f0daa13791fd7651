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
