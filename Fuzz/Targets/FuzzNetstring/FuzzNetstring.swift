// SPDX-License-Identifier: Apache-2.0
import PolicyMap

/// Netstrings, one after the other: bounded, always going forward, and the same whatever follows.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetstring(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var rest = UnsafeRawBufferPointer(start: data, count: count)
    while case .whole(let payload, let octets) = Netstring.head(of: rest) {
        precondition(payload.count <= Netstring.maxRequestOctets)
        precondition(payload.upperBound + 1 == octets && octets <= rest.count)
        precondition(rest[payload.upperBound] == UInt8(ascii: ","))
        // One form only: written again, it is the same.
        precondition(String(payload.count).utf8.elementsEqual(rest[..<(payload.lowerBound - 1)]))
        let frame = UnsafeRawBufferPointer(rebasing: rest[..<octets])
        precondition(Netstring.head(of: frame) == .whole(payload: payload, octets: octets))
        precondition(Netstring.head(of: UnsafeRawBufferPointer(rebasing: frame.dropLast())) == .incomplete)
        rest = UnsafeRawBufferPointer(rebasing: rest[octets...])
    }
    if Netstring.head(of: rest) == .incomplete { precondition(rest.count <= Netstring.maxRequestOctets + 6) }
    return 0
}
