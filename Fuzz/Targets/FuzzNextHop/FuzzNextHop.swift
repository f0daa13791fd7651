// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// Next hops in every form an MTA may write: bounded, and never a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNextHop(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
    let recipient = Recipient(domain: nil, mailer: "smtp", host: text)
    let services = ServicePorts(table: text)
    if case .unreadable(let names) = MapKey(text, services: services) { precondition((1...64).contains(names.count)) }
    if case .remote(let hops) = recipient.destination(transports: ["smtp"], services: services) {
        precondition((1...16).contains(hops.count))
    }
    return 0
}
