// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Processes

/// Sendmail, by its own programs and the site's way to build sendmail.cf.
package struct SendmailControl: MTAControl {
    /// What a site's make writes beside sendmail.cf, by the beginnings of the names.
    private static let byproducts = ["sendmail.", "submit.", "Makefile", "databases"]

    package let name = "Sendmail"
    private let macros: String
    private let configuration: String
    private let program: String
    private let build: Program
    private let reload: Program

    /// - Parameters:
    ///   - macros: the path of sendmail.mc.
    ///   - configuration: the path of sendmail.cf.
    ///   - program: the path of sendmail, for its test mode.
    ///   - build: for sh(1), makes the one of the other; nil for `make` where the folder has a Makefile, or m4.
    package init(macros: String, configuration: String, program: String, build: String?, reload: Program) {
        self.macros = macros
        self.configuration = configuration
        self.program = program
        self.reload = reload
        let folder = URL(fileURLWithPath: macros).deletingLastPathComponent().path
        if let build {
            self.build = .shell(build)
        } else if FileManager.default.fileExists(atPath: folder + "/Makefile") {
            self.build = Program("/usr/bin/make", ["-C", folder])
        } else {
            // m4 says of an error in its status, and the old file stays.
            self.build = Program(
                "/bin/sh", ["-c", "m4 \"$1\" >\"$2.new\" && mv \"$2.new\" \"$2\"", "sh", macros, configuration])
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
        let said = try await build.carryOut()
        let words = String(decoding: said.output + said.errors, as: UTF8.self)
        // m4's errprint changes no status.
        guard !words.contains("*** ERROR") else { throw SetupError("sendmail.cf: \(said.words)") }
    }

    package func restart() async throws { try await reload.carryOut() }

    package func ask(map: String, for domain: String) async throws {
        let said = try await Program(program, ["-bt"]).said(to: "/map \(map) \(domain)")
        let answer = String(decoding: said.output, as: UTF8.self)
        guard answer.contains("no match (68)") || answer.contains(" returns ") else {
            throw SetupError("the policy map does not answer: \(said.words)")
        }
    }
}
