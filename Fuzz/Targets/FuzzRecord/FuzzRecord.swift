// SPDX-License-Identifier: Apache-2.0
import MTASTS

/// TXT records, one a line: whatever they hold, a found id keeps its grammar.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecord(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
    let records = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if case .record(let record) = STSRecord.select(from: records) {
        precondition((1...32).contains(record.id.utf8.count))
        precondition(record.id.utf8.allSatisfy { $0 < 0x80 && $0 > 0x2F })
    }
    return 0
}
