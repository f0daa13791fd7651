// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Intake

/// A datagram: what it gives is bounded, and what is said of it can be shown.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDatagram(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let payload = UnsafeBufferPointer(start: data, count: count)
    do throws(DatagramError) {
        let datagram = try TLSRPTDatagram(payload)
        precondition((1...TLSRPTDatagram.maxPolicies).contains(datagram.policies.count))
        precondition(datagram.remarks.allSatisfy(isPrintable))
        // The scanner reads what it reads as the JSON library does.
        let again = try TLSRPTDatagram(decoding: Array(payload))
        precondition(again == datagram)
        let day = UTCDay(daysSinceEpoch: 20_780)
        let counts = datagram.sessionCounts(day: day)
        precondition(counts.count == datagram.observedSessions(at: day.start).count)
        for session in counts {
            precondition(session.domain == datagram.domain && session.day == day)
            precondition(session.policy.reported.domain.flatMap { try? DomainName(mxHost: $0) } != nil)
            if let details = session.failure {
                let texts = [
                    details.sendingMTAIP, details.receivingMXHostname, details.receivingIP,
                    details.additionalInformation, details.reasonCode,
                ]
                precondition(texts.allSatisfy { ($0 ?? "").utf8.count <= SessionCount.maxTextOctets })
                precondition(isPrintable(details.receivingMXHelo ?? ""))
            }
        }
    } catch {
        precondition(isPrintable(error.description))
    }
    return 0
}

private func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20..<0x7F).contains($0) } }
