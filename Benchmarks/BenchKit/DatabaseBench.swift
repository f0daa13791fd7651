// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Databases of several sizes, each filled and measured by a process of its own, so that one does not count another's
/// memory.
package struct DatabaseBench {
    package typealias Step = (_ path: String, _ count: Int) async throws -> Void

    /// Of the program.
    let name: String
    let sizes: [Int]
    let fill: Step
    let measure: Step

    package init(_ name: String, sizes: [Int], fill: @escaping Step, measure: @escaping Step) {
        self.name = name
        self.sizes = sizes
        self.fill = fill
        self.measure = measure
    }

    /// Does a step if the command line names one, or else has all done.
    package func run() async {
        let arguments = CommandLine.arguments
        await bench(name) {
            switch (arguments.count, arguments.dropFirst().first) {
            case (4, "fill"): try await fill(arguments[2], Int(arguments[3]) ?? 0)
            case (4, "measure"): try await measure(arguments[2], Int(arguments[3]) ?? 0)
            default: try runAll()
            }
        }
    }

    private func runAll() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("\(name)-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for count in sizes {
            let path = directory.appendingPathComponent("\(count).sqlite").path
            for step in ["fill", "measure"] { try child(step, path, "\(count)") }
        }
    }

    private func child(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(
            fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure("\(arguments[0]) failed") }
    }
}
