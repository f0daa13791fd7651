// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import FoundationEssentials
import MailLog

/// A Sendmail log: read in two pieces with the state written down between them, it tells the same sessions.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSendmailLog(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let log = UnsafeRawBufferPointer(start: data, count: count)
    var whole: [ObservedSession] = []
    var reader = SendmailLogReader()
    reader.read(log, now: now, into: &whole)
    // At the line feed next to the middle.
    let middle = log.dropFirst(count / 2).firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    var parts: [ObservedSession] = []
    var first = SendmailLogReader()
    first.read(UnsafeRawBufferPointer(rebasing: log[..<middle]), now: now, into: &parts)
    guard let state = try? JSONEncoder().encode(first),
        var second = try? JSONDecoder().decode(SendmailLogReader.self, from: state)
    else { preconditionFailure("the state cannot be written down") }
    second.read(UnsafeRawBufferPointer(rebasing: log[middle...]), now: now, into: &parts)
    precondition(parts == whole)
    precondition(whole.allSatisfy { $0.source == .sendmailLog })
    return 0
}

private let now = UTCDay(daysSinceEpoch: 20_781).start
