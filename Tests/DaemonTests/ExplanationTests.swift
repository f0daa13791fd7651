// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import Daemon

@Suite("A message is explained by its queue id")
struct ExplanationTests {
    @Test(
        "a queue id as logs and listings have it, and what is none",
        arguments: [
            ("4B1C2D3E4F", "4B1C2D3E4F"), ("4cXyz01234z5678", "4cXyz01234z5678"), ("5ATCpbXX012345", "5ATCpbXX012345"),
            ("4B1C2D3E4F:", "4B1C2D3E4F"), ("4B1C2D3E4F*", "4B1C2D3E4F"), ("queue_id=4B1", "4B1"), ("NOQUEUE", nil),
            ("", nil), ("a b", nil), ("4B1\u{1B}[31m", nil), (String(repeating: "a", count: 41), nil),
            ("4B1' OR 1", nil),
        ] as [(String, String?)])
    func queueID(_ written: String, _ expected: String?) { #expect(QueueID(written)?.text == expected) }

    @Test("of an unknown message it is said what that may mean")
    func unknown() {
        let nothing = Explanation(queueID: "4B1", messages: [], deliveries: [])
        let text = ExplanationText(keptFor: .seconds(86_400)).render(nothing)
        #expect(text.hasPrefix("4B1: nothing is known of this message."), "\(text)")
        for part in ["older than 24h", "never passed the milter", "another instance", "local", "NOQUEUE"] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(ExplanationText(keptFor: .zero).render(nothing).contains("store.explain_for is 0s"))
    }
}
