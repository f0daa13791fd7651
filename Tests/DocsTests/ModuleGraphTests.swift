// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("The module graph is what the manifest, the sources and docs/design.md say")
struct ModuleGraphTests {
    private let manifest: Manifest

    init() throws { manifest = try Manifest() }

    @Test("design.md shows the graph of Package.swift")
    func shown() throws {
        let design = try String(
            contentsOf: Manifest.root.appendingPathComponent("docs/design.md"), encoding: .utf8)
        let block = design.components(separatedBy: "```modules\n").dropFirst().first?
            .components(separatedBy: "\n```").first
        #expect(block == manifest.graph, "put this into docs/design.md:\n\(manifest.graph)")
    }

    @Test("arrows point down, and from the core on no module imports another of its layer")
    func layers() throws {
        /// From here on a layer's modules know nothing of each other.
        let firstStrict = 3
        let modules = manifest.layered
        try #require(modules.count > 20)
        for (index, module) in modules.enumerated() {
            for name in module.dependencies {
                guard let other = modules.firstIndex(where: { $0.name == name }) else { continue }
                #expect(other < index, "\(module.name) imports \(name), which stands below it")
                #expect(
                    modules[other].layer < module.layer || module.layer < firstStrict,
                    "\(module.name) imports \(name) of its own layer")
            }
        }
    }

    @Test("the rules of the RFCs import Basics alone", arguments: ["MTASTS", "TLSRPT"])
    func rules(_ name: String) throws {
        let module = try #require(manifest.layered.first { $0.name == name })
        #expect(module.dependencies == ["Basics"])
    }

    @Test("what is declared is imported, and what is imported is declared")
    func imports() throws {
        let names = Set(manifest.modules.map(\.name))
        let libraries: Set = ["Logging", "NIOCore", "NIOPosix", "NIOHTTP1", "TOMLKit", "ArgumentParser"]
        for module in manifest.modules {
            let imported = try Self.imports(below: Manifest.root.appendingPathComponent(module.folder))
            try #require(!imported.isEmpty || module.dependencies.isEmpty, "no imports found in \(module.folder)")
            for name in module.dependencies.subtracting(imported) {
                // A program that a test starts is no import.
                #expect(name.contains("-"), "\(module.name) declares \(name) and does not import it")
            }
            let undeclared = imported.intersection(names.union(libraries)).subtracting(module.dependencies)
            #expect(undeclared.subtracting([module.name]).isEmpty, "\(module.name) imports, but does not declare")
        }
    }

    @Test("no module of the program calls a function that is Foundation's and not FoundationEssentials'")
    func essentials() throws {
        // `make release` does not link one, and names it in the linker's words only.
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let modules = manifest.layered
        try #require(modules.count > 20)
        for module in modules {
            let name = module.name.replacingOccurrences(of: "-", with: "_")
            let objects = try FileManager.default.contentsOfDirectory(
                at: folder.appendingPathComponent("\(name).build"), includingPropertiesForKeys: nil
            ).filter { $0.pathExtension == "o" }.map(\.path)
            try #require(!objects.isEmpty, "\(name)")
            let symbols = try Project.run("/usr/bin/nm", ["-u"] + objects).output.split(separator: "\n")
            try #require(symbols.count > 100, "\(name)")
            let strangers = symbols.filter { $0.contains("10Foundation") && !$0.contains("FORCE_LOAD") }
            #expect(strangers.isEmpty, "\(name): `swift demangle` says what they are")
        }
    }

    private static func imports(below folder: URL) throws -> Set<String> {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var names: Set<String> = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let place = words.firstIndex(of: "import"), place <= 1, let name = words.last,
                    line.first != " ", line.first != "/"
                else { continue }
                names.insert(String(name.prefix { $0 != "." }))
            }
        }
        return names
    }
}
