// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation
import LabKit
import TestKit

// Puts the daemon, with default settings and warm, beside a no-op milter while the daemon also looks up a thousand cold
// domains, answers its policy map and follows a mail log: bench-mixed FOLDER [-c LIST] [-t SECONDS] [-r ROUNDS]
//
// Runs in a network of its own by Benchmarks/mixed-bench; FOLDER holds milter-load, map-load and noop-milter.
//
// Both milters are measured in turns while the same daemon has the same other work. So the machine has as much to do
// in a turn of the one as in a turn of the other, and the ratio says what a verdict loses by being given in the same
// process. The figures with nothing else going on stand before.
let arguments = Array(CommandLine.arguments.dropFirst())
guard let programs = arguments.first else {
    print("usage: bench-mixed FOLDER [-c LIST] [-t SECONDS] [-r ROUNDS]")
    exit(64)
}
await bench("bench-mixed") {
    try await MixedBench(programs: programs, options: Array(arguments.dropFirst())).run()
}
