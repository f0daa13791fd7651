// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MailLog

/// A mail log: whatever it holds, reading it in two parts tells the same sessions, and what they say is safe to print.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPostfixLog(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let log = UnsafeRawBufferPointer(start: data, count: count)
    var reader = PostfixLogReader()
    let whole = sessions(log, &reader)
    _ = reader.takeRemarks()
    // Behind the line feed that is nearest to the middle.
    let middle = log[(count / 2)...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? count
    var parts = PostfixLogReader()
    let first = sessions(UnsafeRawBufferPointer(rebasing: log[..<middle]), &parts)
    let second = sessions(UnsafeRawBufferPointer(rebasing: log[middle...]), &parts)
    precondition(first + second == whole)
    for case .failed(_, let reason?) in whole.map(\.result) {
        precondition(reason.utf8.count <= 130 && reason.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    }
    precondition(whole.allSatisfy { ($0.queueID?.utf8.count ?? 0) <= 64 })
    return 0
}

private func sessions(_ log: UnsafeRawBufferPointer, _ reader: inout PostfixLogReader) -> [ObservedSession] {
    var sessions: [ObservedSession] = []
    reader.read(log, now: UTCTime(secondsSinceEpoch: 1_795_564_800), into: &sessions)
    return sessions
}
