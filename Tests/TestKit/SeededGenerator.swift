// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers that are the same for the same seed (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// Other numbers in each run, unless `STS_SEED` in the environment says which. The seed is written to stderr, since what
    /// makes a process trap leaves no other word.
    package static func chosen(for test: String) -> SeededGenerator {
        let given = ProcessInfo.processInfo.environment["STS_SEED"].flatMap { UInt64($0) }
        let generator = SeededGenerator(seed: given ?? .random(in: 0...UInt64.max))
        FileHandle.standardError.write(Data("\(test): STS_SEED=\(generator.seed)\n".utf8))
        return generator
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
