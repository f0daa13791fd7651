// SPDX-License-Identifier: Apache-2.0

/// A number that spreads evenly and is the same in every process: FNV-1a of 64 bits, its bits mixed once more.
func stableHash(_ parts: String...) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for part in parts {
        // The octet 0xFF is in no UTF-8 text: parts cannot run into each other.
        for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ 0xFF) &* 0x100_0000_01B3
    }
    hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    return hash ^ (hash >> 33)
}

extension Duration {
    /// A part of the duration, whole seconds, chosen by a hash.
    func share(_ hash: UInt64) -> Duration {
        let seconds = components.seconds
        return seconds > 0 ? .seconds(Int64(hash % UInt64(seconds))) : .zero
    }
}
