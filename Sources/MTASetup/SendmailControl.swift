// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Processes

/// Sendmail, by its own programs and the site's way to build sendmail.cf.
package struct SendmailControl: MTAControl {
    /// What a site's make writes beside sendmail.cf, by the beginnings of the names.
    private static let byproducts = ["sendmail.", "submit.", "Makefile", "databases"]

    private enum Build {
        /// It writes the file itself.
        case by(Program)
        /// It says what the file is to hold.
        case output(of: Program)
    }

    package let name = "Sendmail"
    private let macros: String
    private let configuration: String
    private let program: String
    /// How sendmail.cf is made.
    private let build: Build
    private let reload: Program

    /// - Parameters:
    ///   - macros: the path of sendmail.mc.
    ///   - configuration: the path of sendmail.cf.
    ///   - program: the path of sendmail, for its test mode.
    ///   - build: for sh(1), makes the one of the other; nil for `make` where the folder has a Makefile, or m4.
    ///   - m4: the path of m4.
    package init(
        macros: String, configuration: String, program: String, build: String?, m4: String = "/usr/bin/m4",
        reload: Program
    ) {
        self.macros = macros
        self.configuration = configuration
        self.program = program
        self.reload = reload
        let folder = URL(fileURLWithPath: macros).deletingLastPathComponent().path
        if let build {
            self.build = .by(.shell(build))
        } else if FileManager.default.fileExists(atPath: folder + "/Makefile") {
            self.build = .by(Program("/usr/bin/make", ["-C", folder]))
        } else {
            self.build = .output(of: Program(m4, ["--", macros]))
        }
    }

    /// Sources come first: what is put back last is the newer one, and no make builds it again.
    package var files: [String] {
        let folder = URL(fileURLWithPath: macros).deletingLastPathComponent().path
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        let beside = names.filter { name in Self.byproducts.contains { name.hasPrefix($0) } }.map { "\(folder)/\($0)" }
        return [macros] + beside.filter { $0 != macros && $0 != configuration && isFile($0) } + [configuration]
    }

    private func isFile(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder
    }

    package func change(_ plan: SetupPlan) async throws {
        switch build {
        case .by(let program): _ = try await built(by: program)
        case .output(let program):
            // Of an error m4 says in its status; the old file stays then.
            let text = try await built(by: program).output
            try SetupBackup.replace(configuration, by: Data(text))
        }
    }

    private func built(by program: Program) async throws(SetupError) -> ProgramOutput {
        let said = try await program.carryOut()
        let words = String(decoding: said.output + said.errors, as: UTF8.self)
        // m4's errprint changes no status.
        guard words.firstRange(of: "*** ERROR") == nil else { throw SetupError("sendmail.cf: \(said.words)") }
        return said
    }

    package func restart() async throws { try await reload.carryOut() }

    package func ask(map: String, for domain: String) async throws {
        let said = try await Program(program, ["-bt"]).said(to: "/map \(map) \(domain)")
        let answer = String(decoding: said.output, as: UTF8.self)
        guard ["no match (68)", " returns "].contains(where: { answer.firstRange(of: $0) != nil }) else {
            throw SetupError("the policy map does not answer: \(said.words)")
        }
    }
}
