// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Why a benchmark says nothing, or that a target was missed.
package struct Failure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Runs a benchmark; a failure goes to standard error and ends the program with status 1.
package func bench(_ name: String, _ run: () async throws -> Void) async {
    do { try await run() } catch {
        FileHandle.standardError.write(Data("\(name): \(error)\n".utf8))
        exit(1)
    }
}
