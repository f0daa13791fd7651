// SPDX-License-Identifier: Apache-2.0
import ReportView
import TLSRPT

/// Files that may hold a report: what is read keeps its counts over a round trip, and what is shown is safe to show.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReport(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var text = ReportText(limits: .none)
    var page = ReportPage(limits: .none)
    var json = ReportsAsJSON()
    var reports: [Report] = []
    var shown = ""
    var printed = ""
    let problems = ReportReader.read(Array(UnsafeBufferPointer(start: data, count: count))) { report in
        reports.append(report)
        shown += text.add(report, from: "file")
        printed += json.add(report, from: "file")
        _ = page.add(report, from: "file")
    }
    shown += text.end()
    precondition(shown.utf8.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x0A })
    precondition(problems.joined().utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    let html = page.end().utf8
    precondition(html.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A })
    // Each mark of markup is one that the page has written itself.
    precondition(html.filter { $0 == UInt8(ascii: "<") }.count == html.filter { $0 == UInt8(ascii: ">") }.count)
    var again: [Report] = []
    let complaints = ReportReader.read(Array((printed + json.end()).utf8)) { again.append($0) }
    precondition(complaints.isEmpty && again == reports)
    return 0
}
