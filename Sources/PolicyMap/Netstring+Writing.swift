// SPDX-License-Identifier: Apache-2.0
import NIOCore

extension ByteBuffer {
    /// Appends `<length>:<octets>,`, the frame that ``Netstring/head(of:)`` reads.
    mutating func writeNetstring(_ octets: [UInt8]) {
        writeString(String(octets.count))
        writeInteger(UInt8(ascii: ":"))
        writeBytes(octets)
        writeInteger(UInt8(ascii: ","))
    }
}
