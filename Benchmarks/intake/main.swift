// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation

// What intake costs, built with -c release:
// bench-intake datagrams LOAD COLLECTD FOLDER [ROUNDS]   by Tests/Bench/intake-bench, in a network of its own
// bench-intake log [FILE]                                the Postfix log reader beside grep
let arguments = Array(CommandLine.arguments.dropFirst())
await bench("bench-intake") {
    switch (arguments.first, arguments.count) {
    case ("datagrams", 4...):
        let bench = DatagramBench(load: arguments[1], collectd: arguments[2], folder: arguments[3])
        try bench.run(rounds: arguments.count > 4 ? Int(arguments[4]) ?? 3 : 3)
    case ("receive", 3): try await DatagramReceiving.run(socket: arguments[1], database: arguments[2])
    case ("log", 1...2): try LogBench.run(arguments.dropFirst().first)
    default: throw Failure("usage: bench-intake datagrams LOAD COLLECTD FOLDER [ROUNDS] | log [FILE]")
    }
}
