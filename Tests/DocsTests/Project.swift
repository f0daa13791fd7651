// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit

/// The files of this project, as text.
enum Project {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    struct NoProgram: Error, CustomStringConvertible {
        let candidates: [String]
        var description: String { "no sts-milter at \(candidates); build it, or name it in STS_MILTER" }
    }

    /// - Parameter path: from the root of the project.
    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: root + "/" + path, encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    /// Paths of all files below a folder with such an ending, from the root of the project, in order.
    static func files(below folder: String, ending: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: root + "/" + folder)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(ending) }.sorted().map { folder + "/" + $0 }
    }

    /// The pages of the operator's manual.
    static let manual = files(below: "docs/manual", ending: ".md")
    /// All pages that people read.
    static let pages =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].filter(exists) + files(below: "docs", ending: ".md")
        + files(below: "contrib", ending: ".md")

    static let sources = files(below: "Sources", ending: ".swift").compactMap { path in
        (try? text(path)).map { SwiftSource(path: path, text: $0) }
    }

    /// The text of each file of the tests.
    static let tests = files(below: "Tests", ending: ".swift").compactMap { try? text($0) }

    /// All string literals of the program.
    static let literals = Set(sources.flatMap(\.literals))

    /// The program that was built together with these tests.
    static func program() throws -> String {
        let beside = [CommandLine.arguments[0], Bundle.main.executablePath ?? "", "/proc/self/exe"].map {
            URL(fileURLWithPath: $0).resolvingSymlinksInPath().deletingLastPathComponent()
                .appendingPathComponent("sts-milter").path
        }
        let candidates = [ProcessInfo.processInfo.environment["STS_MILTER"]].compactMap { $0 } + beside
        guard let path = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw NoProgram(candidates: candidates)
        }
        return path
    }

    struct Result {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Runs a program of the project, or the built one, to its end.
    /// - Parameter input: what it reads from standard input.
    static func run(_ path: String? = nil, _ arguments: [String], input: String = "") throws -> Result {
        // Files instead of pipes: nobody has to read while the program writes.
        let folder = try TemporaryDirectory()
        let (read, output, errors) = (
            try folder.write("in", input), try folder.write("out", ""), try folder.write("err", "")
        )
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try path ?? program())
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: root)
        process.standardInput = FileHandle(forReadingAtPath: read)
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }
}
