// SPDX-License-Identifier: Apache-2.0
import Foundation
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

    @Test(
        "a policy that could not be looked up is not said to be none",
        arguments: [("unknown", "not known"), ("no-policy", "none")])
    func unknownPolicy(_ verdict: String, _ said: String) {
        let recipients = Explanation.Recipients(
            domain: "a.lab", nextHops: ["a.lab"], policyDomain: "a.lab", verdict: verdict, action: "log",
            explanation: "", reply: nil, rule: nil, isLocalSubmission: false, enforcement: "milter", policy: nil,
            mxSecure: nil, hosts: [], otherTargets: [])
        let message = Explanation.Message(
            ended: "now", answer: "accepted", reply: nil, requiresTLS: false, recipients: [recipients], omitted: 0)
        let text = ExplanationText(keptFor: .seconds(86_400)).render(
            Explanation(queueID: "4B1", messages: [message], deliveries: []))
        #expect(text.contains("    policy       \(said)\n"), "\(text)")
    }

    @Test("what is written of a message is read again, whatever is in it and whatever is absent")
    func writtenAndRead() throws {
        let odd = "a\"b\\c/\u{0}\u{1F}\n\u{7F}\u{2028}é😀"
        let host = Explanation.Host(
            name: "mx.lab", preference: 65_535, port: 25, pattern: "*.lab", status: .failing, resultType: odd,
            text: odd, address: "192.0.2.1", authentication: "pkix", certificateEnds: "2026-01-02T00:00:00Z")
        let bare = Explanation.Host(
            name: "", preference: 0, port: 0, pattern: nil, status: .notTried, resultType: nil, text: nil,
            address: nil, authentication: nil, certificateEnds: nil)
        let policy = Explanation.PolicySeen(
            mode: "enforce", id: odd, source: "published", mx: ["*.lab", odd], fetched: "x", expires: "y",
            ageSeconds: -5)
        let full = Explanation.Recipients(
            domain: "a.lab", nextHops: ["a.lab", "[b.lab]:587"], policyDomain: "a.lab", verdict: "violating",
            action: "defer", explanation: odd, reply: odd, rule: "on_unknown = defer", isLocalSubmission: true,
            enforcement: "milter", policy: policy, mxSecure: false, hosts: [host, bare], otherTargets: [odd])
        let empty = Explanation.Recipients(
            domain: nil, nextHops: [], policyDomain: nil, verdict: nil, action: nil, explanation: "", reply: nil,
            rule: nil, isLocalSubmission: false, enforcement: nil, policy: nil, mxSecure: nil, hosts: [],
            otherTargets: [])
        for message in [
            Explanation.Message(
                ended: "now", answer: "accepted", reply: nil, requiresTLS: false, recipients: [], omitted: 0),
            Explanation.Message(
                ended: odd, answer: odd, reply: odd, requiresTLS: true, recipients: [full, empty, full],
                omitted: 250),
        ] { try expectReadAgain(message, message.octets) }
        for text in [nil, odd] {
            let delivery = Explanation.Delivery(
                time: "t", source: "postfix", domain: text, host: text, address: text, result: "success",
                reason: text, verification: text, refusal: text)
            try expectReadAgain(delivery, delivery.octets)
        }
    }

    /// All that `Codable` sees of the value is in the octets.
    private func expectReadAgain<Value: Codable>(_ value: Value, _ octets: [UInt8]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let read = try JSONDecoder().decode(Value.self, from: Data(octets))
        #expect(try encoder.encode(read) == encoder.encode(value), "\(String(decoding: octets, as: UTF8.self))")
        #expect(octets.allSatisfy { $0 >= 0x20 })
    }
}
