// SPDX-License-Identifier: Apache-2.0
import TestKit
import NIOCore
import Testing
@testable import PolicyMap

@Suite("Complaints about clients")
struct ComplaintsTests {
    @Test("one line a minute of each kind, which says how many were kept back")
    func rate() {
        let book = CapturedLog()
        let complaints = Complaints(logger: book.logger)
        let start = NIODeadline.now()
        for second in 0..<125 { complaints.log(.garbage, ["n": "\(second)"], at: start + .seconds(Int64(second))) }
        complaints.log(.unknownMap, [:], at: start)
        #expect(book.lines.count == 4)
        #expect(book.lines[0].hasSuffix(" n=0"))
        #expect(book.lines[1].hasSuffix(" more_before=59 n=60"))
        #expect(book.lines[2].hasSuffix(" more_before=59 n=120"))
    }
}
