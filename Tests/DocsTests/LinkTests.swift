// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("Links and names in the pages lead somewhere")
struct LinkTests {
    @Test("each link names a file, and a heading in it", arguments: Project.pages)
    func links(_ path: String) throws {
        let page = try MarkdownPage(path)
        let folder = URL(fileURLWithPath: Project.root + "/" + path).deletingLastPathComponent()
        for link in page.links where !link.target.contains("://") {
            let parts = link.target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
            let target =
                parts[0].isEmpty
                ? path
                : String(
                    folder.appendingPathComponent(parts[0]).standardizedFileURL.path.dropFirst(Project.root.count + 1))
            #expect(Project.exists(target), "\(path): \(link.target)")
            guard parts.count == 2, target.hasSuffix(".md"), Project.exists(target) else { continue }
            #expect(try MarkdownPage(target).anchors.contains(parts[1]), "\(path): \(link.target)")
        }
    }

    @Test("each page of the manual can be reached from its index")
    func index() throws {
        let linked = Set(try MarkdownPage("docs/manual/README.md").links.map { $0.target.prefix { $0 != "#" } })
        for path in Project.manual where path != "docs/manual/README.md" {
            #expect(linked.contains(path.dropFirst("docs/manual/".count)), "\(path)")
        }
    }

    @Test("files that are named exist", arguments: Project.pages + ["docs/sts-milter.8", "Makefile"])
    func files(_ path: String) throws {
        let text = try Project.text(path)
        for name in text.matches(of: /(?:Sources|Tests|CShims|contrib|docs)\/[A-Za-z0-9_+.\/-]*[A-Za-z0-9]/) {
            let file = String(name.0)
            guard !file.contains("NAME") else { continue }
            #expect(Project.exists(file), "\(path) names \(file)")
        }
    }

    @Test("tests that are named exist", arguments: Project.pages)
    func tests(_ path: String) throws {
        for span in try MarkdownPage(path).codeSpans {
            guard let name = span.wholeMatch(of: /([A-Z][A-Za-z]+(?:Tests|Scenarios))\.([a-z][A-Za-z]+)/) else {
                continue
            }
            let isThere = Project.tests.contains { source in
                ["struct", "class", "extension"].contains { source.contains("\($0) \(name.1) ") }
                    && source.contains("func \(name.2)(")
            }
            #expect(isThere, "\(path): no test \(span)")
        }
    }

    @Test("types that the pages about the code name exist", arguments: ["docs/design.md", "docs/deviations.md"])
    func types(_ path: String) throws {
        let folders = ["Sources", "Tests", "CShims", "Benchmarks", "Fuzz"]
        let code = Set(
            folders.flatMap { Project.files(below: $0, ending: "") }.filter {
                $0.hasSuffix(".swift") || $0.hasSuffix(".h")
            }.flatMap { file -> [String] in
                let text = (try? Project.text(file)) ?? ""
                return text.matches(of: /[A-Za-z_][A-Za-z0-9_]*/).map { String($0.0) }
            })
        let modules = Set(
            folders.flatMap {
                (try? FileManager.default.contentsOfDirectory(atPath: Project.root + "/" + $0)) ?? []
            })
        let files = Set(
            ["Sources", "Tests"].flatMap { Project.files(below: $0, ending: ".swift") }.compactMap {
                $0.split(separator: "/").last.map { String($0.dropLast(".swift".count)) }
            })
        for span in try MarkdownPage(path).codeSpans {
            // A file, a type, a module or a member of a type; names in capitals are those of C.
            let pattern = /([A-Z]+[a-z0-9][A-Za-z0-9+]*)(?:\.([a-z][A-Za-z]+))?/
            guard let name = span.wholeMatch(of: pattern) else { continue }
            let type = String(name.1)
            let isKnown = code.contains(type) || modules.contains(type)
            if let member = name.2 {
                let isFile = member == "swift" && files.contains(type)
                #expect(isFile || isKnown && code.contains(String(member)), "\(path): \(span)")
            } else {
                #expect(isKnown || files.contains(type), "\(path): \(span)")
            }
        }
    }

    @Test("each deviation is in the code and in the list, with its file")
    func deviations() throws {
        let list = try Project.text("docs/deviations.md").split(separator: "\n## Choices")[0]
        let listed = list.split(separator: "\n* **").dropFirst().map { entry in
            (
                title: String(entry.prefix { $0 != "*" }),
                file: entry.firstMatch(of: /\*(Sources\/[^*]+\.swift)\*/).map { String($0.1) }
            )
        }
        var marked: [(title: String, file: String)] = []
        for file in Project.files(below: "Sources", ending: ".swift") {
            let marks = try Project.text(file).matches(of: /Deviation: ([^\n]+)/)
            marked += marks.map { (String($0.1), file) }
        }
        #expect(listed.count > 10)
        for mark in marked {
            #expect(
                listed.contains { mark.title.hasPrefix($0.title) && mark.file == $0.file },
                "docs/deviations.md lacks '\(mark.title)' with \(mark.file)")
        }
        for entry in listed {
            #expect(
                marked.contains { $0.title.hasPrefix(entry.title) && $0.file == entry.file },
                "nothing is marked '\(entry.title)' in \(entry.file ?? "a file")")
        }
    }
}
