// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Most octets handed to zlib at a time: it counts them in 32 bits.
let maxPieceBytes = 1 << 30

extension UnsafeMutablePointer<z_stream> {
    /// Makes `input` what is read next; at most ``maxPieceBytes``, and it must stay until it is read.
    func take(_ input: UnsafeBufferPointer<UInt8>) {
        pointee.next_in = UnsafeMutablePointer<UInt8>(mutating: input.baseAddress)
        pointee.avail_in = UInt32(input.count)
    }
}

extension [UInt8] {
    /// Appends what `work` makes the stream write, and gives its result.
    mutating func append(
        atMost count: Int, from stream: UnsafeMutablePointer<z_stream>, _ work: () -> Int32
    ) -> Int32 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { free in
            stream.pointee.next_out = free.baseAddress
            stream.pointee.avail_out = UInt32(count)
            let result = work()
            append(contentsOf: free[..<(count - Int(stream.pointee.avail_out))])
            return result
        }
    }
}
