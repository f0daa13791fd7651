// SPDX-License-Identifier: Apache-2.0
import Basics

/// A number that spreads evenly and is the same in every process: `FNV1a`, its bits mixed once more.
func stableHash(_ parts: String...) -> UInt64 {
    var sum = FNV1a()
    for part in parts {
        sum.add(part)
        // The octet 0xFF is in no UTF-8 text: parts cannot run into each other.
        sum.add(0xFF)
    }
    let hash = (sum.value ^ (sum.value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    return hash ^ (hash >> 33)
}

extension Duration {
    /// A part of the duration, whole seconds, chosen by a hash.
    func share(_ hash: UInt64) -> Duration {
        let seconds = components.seconds
        return seconds > 0 ? .seconds(Int64(hash % UInt64(seconds))) : .zero
    }
}
