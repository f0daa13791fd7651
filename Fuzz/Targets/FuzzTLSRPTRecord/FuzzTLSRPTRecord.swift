// SPDX-License-Identifier: Apache-2.0
import TLSRPT

/// TXT records, one a line: destinations are bounded, safe in a header and a request, and read back as themselves.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTLSRPTRecord(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
    let records = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    switch TLSRPTRecord.select(from: records) {
    case .absent: break
    case .invalid(let problem): precondition(problem.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    case .record(let record):
        precondition(record.destinations.count <= TLSRPTRecord.maxDestinations)
        for destination in record.destinations {
            precondition(destination.description.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
            switch destination {
            case .mail(let mailbox):
                precondition(!mailbox.localPart.isEmpty && !mailbox.localPart.utf8.contains(UInt8(ascii: "@")))
                precondition(!mailbox.domain.ascii.isEmpty)
                precondition((try? ReportDestination(destination.description)) == destination)
            case .https(let url, let host):
                // A path may hold what only in the authority would be a user name.
                let authority = url.dropFirst("https://".count).prefix { $0 != "/" && $0 != "?" }
                precondition(url.hasPrefix("https://") && !host.isEmpty && !authority.contains("@"))
                precondition((try? ReportDestination(url)) == destination)
            }
        }
        for uri in record.unserved { precondition(uri.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }) }
    }
    return 0
}
