// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite("The Makefile says of each test module which sanitizers it runs under")
struct SanitizerListTests {
    @Test("each stands in one of the lists")
    func lists() throws {
        let makefile = try Project.text("Makefile").replacing("\\\n", with: " ")
        let listed = try ["THREADED", "UNTHREADED", "UNSANITIZED"].flatMap { name in
            let line = try #require(makefile.split(separator: "\n").first { $0.hasPrefix("\(name) = ") })
            return line.dropFirst(name.count + 3).split(whereSeparator: \.isWhitespace).map(String.init)
        }
        let modules = try Manifest().modules.map(\.folder).filter { $0.hasPrefix("Tests/") && $0.hasSuffix("Tests") }
        #expect(modules.count > 30)
        #expect(listed.sorted() == modules.map { String($0.dropFirst("Tests/".count)) }.sorted())
    }
}
