// SPDX-License-Identifier: Apache-2.0
import Basics

/// Domain names: an accepted one is in its one comparable form, and escaped text is printable.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzName(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
    precondition(printable(text).utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    _ = IPAddress(literal: text)
    guard let name = try? DomainName(text) else { return 0 }
    precondition(name.ascii.utf8.count <= DomainName.maxOctets)
    precondition(
        name.ascii.utf8.allSatisfy {
            $0 == 0x2D || $0 == 0x2E || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
        })
    precondition((try? DomainName(name.ascii)) == name)
    return 0
}
