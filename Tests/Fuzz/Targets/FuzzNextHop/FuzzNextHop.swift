// SPDX-License-Identifier: Apache-2.0
import MTASTS

/// Next hops in every form an MTA may write: bounded, and never a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNextHop(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
    let recipient = Recipient(domain: nil, mailer: "smtp", host: text)
    _ = NextHop(mapKey: text)
    if case .remote(let hops) = recipient.destination(transports: ["smtp"]) {
        precondition((1...16).contains(hops.count))
    }
    return 0
}
