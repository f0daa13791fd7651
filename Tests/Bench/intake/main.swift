// SPDX-License-Identifier: Apache-2.0
import Foundation

// What intake costs: bench-intake log [FILE], built with -c release.
do {
    switch CommandLine.arguments.dropFirst().first {
    case "log"?: try LogBench.run(CommandLine.arguments.dropFirst(2).first)
    default: throw LogBench.Failure(description: "usage: bench-intake log [FILE]")
    }
} catch {
    FileHandle.standardError.write(Data("bench-intake: \(error)\n".utf8))
    exit(1)
}
