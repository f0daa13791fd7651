// SPDX-License-Identifier: Apache-2.0
import ReportView
import TLSRPT

/// Octets that all that is kept and shown of a file may have: reports of two megabytes of texts each, times the escapes.
private let mostShown = 64 << 20

/// Files that may hold a report: what is read keeps its counts over a round trip, is bounded, and what is shown is safe to
/// show.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReport(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var text = ReportText(limits: .none)
    var page = ReportPage(limits: .none)
    var json = ReportsAsJSON()
    var reports: [Report] = []
    var shown = ""
    var printed = ""
    let notes = ReportReader.read(Array(UnsafeBufferPointer(start: data, count: count))) { report in
        precondition(report.policies.count <= ReportParser.maxPolicies + 4)
        let kinds = report.policies.reduce(0) { $0 + $1.tally.details.count }
        // Beside those that are kept apart, each policy has sums: one for each type, and one for all others.
        precondition(kinds <= ReportParser.maxKinds + (ResultType.allCases.count + 1) * report.policies.count)
        reports.append(report)
        shown += text.add(report, from: "file")
        printed += json.add(report, from: "file")
        _ = page.add(report, from: "file")
    }
    shown += text.end()
    precondition(shown.utf8.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x0A })
    precondition((notes.problems + notes.remarks).joined().utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    let html = page.end().utf8
    precondition(html.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A })
    // Each mark of markup is one that the page has written itself.
    precondition(html.filter { $0 == UInt8(ascii: "<") }.count == html.filter { $0 == UInt8(ascii: ">") }.count)
    var again: [Report] = []
    let more = ReportReader.read(Array((printed + json.end()).utf8)) { again.append($0) }
    precondition(shown.utf8.count + printed.utf8.count + html.count <= mostShown)
    // What was summed or cut may be summed otherwise when it is read again.
    if notes.problems.isEmpty { precondition(more == ReadingNotes() && again == reports) }
    return 0
}
