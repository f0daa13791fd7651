// SPDX-License-Identifier: Apache-2.0

/// The hash FNV-1a of 64 bits: the same in every process, as Swift's own are not. It tells texts apart, and proves
/// nothing.
package struct FNV1a: Sendable, Hashable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func add(_ octet: UInt8) { value = (value ^ UInt64(octet)) &* 0x100_0000_01B3 }

    package mutating func add(_ octets: [UInt8]) { for octet in octets { add(octet) } }

    package mutating func add(_ text: String) {
        let octets = text.utf8.span
        var hash = value
        for index in octets.indices { hash = (hash ^ UInt64(octets[index])) &* 0x100_0000_01B3 }
        value = hash
    }
}
