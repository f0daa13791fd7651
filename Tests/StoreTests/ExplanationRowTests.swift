// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing
@testable import Store

@Suite("What explains messages is kept by queue id, for its time, and never fills a disk")
struct ExplanationRowTests {
    private func row(
        _ id: String, _ body: String = "{}", at time: UTCTime = noon, _ origin: ExplanationRow.Origin = .milter
    ) -> ExplanationRow { ExplanationRow(queueID: id, time: time, origin: origin, body: Array(body.utf8)) }

    @Test("rows of one id in the order in which they came; one that a log tells twice once")
    func kept() async throws {
        let store = try Scratch().store()
        let rows = [row("A", "1"), row("A", "2", .intake), row("a", "3"), row("A", "2", .intake), row("A", "1")]
        try await store.keep(rows)
        try await store.keep([row("A", "2", .intake)])
        let bodies = try await store.explanations(of: "A").map { String(decoding: $0.body, as: UTF8.self) }
        #expect(bodies == ["1", "2", "1"])
        #expect(try await store.explanations(of: "a").count == 1)
        #expect(try await store.explanations(of: "B").isEmpty)
    }

    @Test("old ones go, and the oldest of too many; what is too long is not kept")
    func bounded() async throws {
        let store = try Scratch().store()
        try await store.keep([row("old", at: noon + .seconds(-1)), row("new")])
        try await store.trimExplanations(before: noon)
        #expect(try await store.explanations(of: "old").isEmpty)
        #expect(try await store.explanations(of: "new").count == 1)
        let long = String(repeating: "x", count: ExplanationBounds.bodyOctets)
        try await store.keep([row("long", long + "x")])
        #expect(try await store.explanations(of: "long").isEmpty)
        let count = ExplanationBounds.octets / ExplanationBounds.bodyOctets
        try await store.keep((0...count).map { row("\($0)", long) })
        try await store.trimExplanations(before: noon)
        #expect(try await store.explanations(of: "0").isEmpty)
        #expect(try await store.explanations(of: "\(count)").count == 1)
        #expect(try await store.explanations(of: "\(count / 2)").count == 1)
    }
}
