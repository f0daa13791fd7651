// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import LabKit
import Logging
import Milter
import Store
import TestKit
import TLSRPT
import Testing
@testable import Daemon

@Suite("The mail of our own reports is known by its destinations")
struct OwnReportsTests {
    @Test("destinations of the outbox, as it grows, and of what is about to go; nobody else")
    func known() async throws {
        let directory = try TemporaryDirectory("sts-lab-own")
        let store = try Store(path: directory.path + "/test.sqlite", logger: Logger(label: "test"))
        let own = OwnReports(outbox: store, clock: SystemClock())
        let yesterday = SystemClock().now.day.advanced(by: -1)
        func isKnown(_ address: String) -> Bool { own.contains(EnvelopeAddress("<\(address)>")) }

        await own.refresh()
        #expect(!isKnown("reports@a.lab"))
        try await store.plan("mailto:reports@a.lab", for: "a.lab", on: yesterday)
        // Only from memory.
        #expect(!isKnown("reports@a.lab"))
        await own.refresh()
        #expect(isKnown("reports@a.lab") && isKnown("reports@A.LAB"))
        #expect(!isKnown("other@a.lab") && !isKnown("reports@b.lab") && !isKnown("reports@a.lab.evil.lab"))
        own.expect(try ReportDestination("mailto:reports@b.lab"))
        #expect(isKnown("reports@b.lab"))

        own.noteShared(["reports@c.lab"])
        #expect(isKnown("reports@c.lab"))

        try await store.plan("mailto:old@a.lab", for: "b.lab", on: yesterday.advanced(by: -30))
        await own.refresh()
        #expect(isKnown("reports@c.lab"))
        #expect(!isKnown("old@a.lab"))
    }
}
