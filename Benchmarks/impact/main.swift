// SPDX-License-Identifier: Apache-2.0
import BenchKit
import Foundation
import LabKit
import TestKit

// How long `sts-milter impact` takes over a mail log of a million lines with deliveries to two thousand domains, a fifth
// of them with an enforce policy: bench-impact [LINES [DOMAINS]]
//
// Runs in a network of its own by Benchmarks/impact-bench. The domains share mail hosts, as domains do; what must come out
// is known, and compared.
let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
await bench("bench-impact") {
    try ImpactBench(lines: arguments.first ?? 1_000_000, domains: arguments.dropFirst().first ?? 2_000).run()
}
