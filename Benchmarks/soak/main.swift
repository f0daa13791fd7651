// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit

// Runs the daemon under a mixed load while faults come and go, and holds all that it says against what is right:
// soak [SECONDS]
//
// Runs in a network of its own (Tests/lab/netns) as root, by `make soak`; STS_MILTER names the daemon. The exit code is
// 1 on any violation. What is asked and what is right is in World.swift, the faults are in Fault.swift, and what must
// hold in the end in Soak+Checks.swift.
let seconds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 0 : 600
guard seconds >= 30 else {
    print("usage: soak [SECONDS]; 30 at least")
    exit(64)
}
do {
    let soak = try Soak(length: .seconds(seconds))
    do { try await soak.run() } catch { soak.findings.violation("the run broke off: \(error)") }
    exit(soak.findings.report() ? 0 : 1)
} catch {
    FileHandle.standardError.write(Data("soak: \(error)\n".utf8))
    exit(1)
}
