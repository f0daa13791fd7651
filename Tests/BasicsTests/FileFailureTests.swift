// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Testing

@Suite("Failures of files")
struct FileFailureTests {
    @Test("are told in the system's words")
    func reason() {
        #expect(throws: (any Error).self) {
            do { try Data([1]).write(to: URL(fileURLWithPath: "/nowhere/file"), options: .atomic) } catch {
                #expect(fileFailure(error) == "No such file or directory")
                throw error
            }
        }
    }

    @Test("of another kind are told as they are, printable")
    func other() {
        struct Other: Error, CustomStringConvertible { let description = "a\nb" }
        #expect(fileFailure(Other()) == printable("a\nb"))
    }
}
