// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation

// What intake costs, built with -c release:
// bench-intake datagrams LOAD COLLECTD FOLDER [ROUNDS]   by Benchmarks/intake-bench, in a network of its own
// bench-intake log [FILE]                                the Postfix log reader beside grep, and beside zcat
// bench-intake write log | datagrams FILE                input for the two that follow
// bench-intake log-instructions | datagram-instructions FILE   the readers alone, for callgrind
let arguments = Array(CommandLine.arguments.dropFirst())
await bench("bench-intake") {
    switch (arguments.first, arguments.count) {
    case ("datagrams", 4...):
        let bench = DatagramBench(load: arguments[1], collectd: arguments[2], folder: arguments[3])
        try bench.run(rounds: arguments.count > 4 ? Int(arguments[4]) ?? 3 : 3)
    case ("receive", 3): try await DatagramReceiving.run(socket: arguments[1], database: arguments[2])
    case ("log", 1...2): try LogBench.run(arguments.dropFirst().first)
    case ("log-instructions", 2): try Instructions.log(arguments[1])
    case ("datagram-instructions", 2): try await Instructions.datagrams(arguments[1])
    case ("write", 3): try Instructions.write(arguments[1], arguments[2])
    default:
        throw Failure(
            "usage: bench-intake datagrams LOAD COLLECTD FOLDER [ROUNDS] | log [FILE] | write log|datagrams FILE"
                + " | log-instructions FILE | datagram-instructions FILE"
        )
    }
}
