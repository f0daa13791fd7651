// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The targets of Package.swift as its text declares them: layers are its comments, so that a reader and this test see
/// the same.
struct Manifest {
    struct Module {
        let name: String
        let layer: Int
        /// Modules of this project and of others, as declared.
        let dependencies: Set<String>
        let folder: String
    }

    let modules: [Module]

    /// The project's folder.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    init() throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
        var layer: Int?
        var modules: [Module] = []
        for piece in text.components(separatedBy: "\n        .").dropFirst() {
            let kind = piece.prefix { $0 != "(" }
            if let name = Self.value(of: "name", in: piece),
                ["target", "executableTarget", "testTarget"].contains(kind)
            {
                let path = Self.value(of: "path", in: piece)
                modules.append(
                    Module(
                        name: name, layer: path == nil && kind != "testTarget" ? layer ?? -1 : -1,
                        dependencies: Self.dependencies(in: piece),
                        folder: path ?? (kind == "testTarget" ? "Tests/\(name)" : "Sources/\(name)")))
            }
            if let comment = piece.range(of: "// Layer ") {
                layer = Int(piece[comment.upperBound...].prefix { $0.isNumber })
            }
        }
        self.modules = modules
    }

    /// The modules of the program, in the order of the manifest.
    var layered: [Module] { modules.filter { $0.layer >= 0 } }

    /// One line per module: layer, name, and the project's modules that it imports.
    var graph: String {
        let names = Set(layered.map(\.name))
        let width = names.map(\.count).max() ?? 0
        return layered.map { module in
            let imports = module.dependencies.intersection(names).sorted().joined(separator: " ")
            return "\(module.layer)  \(module.name.padding(toLength: width, withPad: " ", startingAt: 0))  \(imports)"
                .trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    private static func value(of label: String, in text: some StringProtocol) -> String? {
        guard let start = text.range(of: "\(label): \"") else { return nil }
        return String(text[start.upperBound...].prefix { $0 != "\"" })
    }

    /// The quoted names between the brackets of `dependencies`, products without their packages.
    private static func dependencies(in text: String) -> Set<String> {
        guard let start = text.range(of: "dependencies: [") else { return [] }
        let list = text[start.upperBound...].prefix { $0 != "]" }
        var names: Set<String> = []
        var parts = list.split(separator: "\"", omittingEmptySubsequences: false)[...]
        while parts.count >= 2 {
            if !parts[parts.startIndex].hasSuffix("package: ") { names.insert(String(parts[parts.startIndex + 1])) }
            parts = parts.dropFirst(2)
        }
        return names
    }
}
