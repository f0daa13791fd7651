// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import NIOCore
@testable import PolicyMap
import Testing

@Suite("Answers that are kept for the second")
struct WarmAnswersTests {
    private static func period(_ second: Int64, generation: Int = 0) -> AnswerPeriod {
        AnswerPeriod(second: UTCTime(secondsSinceEpoch: second), generation: generation)
    }

    private func keep(_ answer: String, _ question: String, under settings: Int = 0, in kept: WarmAnswers) {
        Array(answer.utf8).withUnsafeBytes { answer in
            Array(question.utf8).withUnsafeBytes { kept.keep(answer, to: $0, under: settings) }
        }
    }

    private func answer(_ question: String, under settings: Int = 0, in kept: WarmAnswers) -> String? {
        var answer: String?
        let isKept = Array(question.utf8).withUnsafeBytes {
            kept.answer(to: $0, under: settings) { answer = String(decoding: $0, as: UTF8.self) }
        }
        #expect(isKept == (answer != nil))
        return answer
    }

    @Test("an answer is given to its own question, under its own settings, in its own period")
    func own() {
        let kept = WarmAnswers()
        kept.begin(Self.period(1))
        keep("yes", "a.example", in: kept)
        #expect(answer("a.example", in: kept) == "yes")
        #expect(answer("b.example", in: kept) == nil)
        #expect(answer("a.exampl", in: kept) == nil)
        #expect(answer("a.example", under: 1, in: kept) == nil)
        kept.begin(Self.period(1))
        #expect(answer("a.example", in: kept) == "yes")
        for next in [Self.period(2), Self.period(1), Self.period(1, generation: 1), nil] {
            kept.begin(next)
            #expect(answer("a.example", in: kept) == nil)
            keep("yes", "a.example", in: kept)
        }
        #expect(answer("a.example", in: kept) == nil, "without a period nothing is kept")
    }

    @Test("more questions than there are places take none for another")
    func crowded() {
        let kept = WarmAnswers()
        kept.begin(Self.period(1))
        let questions = (0..<20_000).map { "d\($0).example" }
        for question in questions { keep("answer to \(question)", question, in: kept) }
        let found = questions.compactMap { question in answer(question, in: kept).map { (question, $0) } }
        #expect(found.count > 100)
        #expect(found.allSatisfy { $0.1 == "answer to \($0.0)" })
    }

    @Test("what is kept is bounded, and so is one answer")
    func bounded() {
        let kept = WarmAnswers()
        kept.begin(Self.period(1))
        keep(String(repeating: "x", count: WarmAnswers.maxAnswerOctets + 1), "long.example", in: kept)
        #expect(answer("long.example", in: kept) == nil)
        let large = String(repeating: "x", count: WarmAnswers.maxAnswerOctets)
        let questions = (0..<1000).map { "d\($0).example" }
        for question in questions { keep(large, question, in: kept) }
        let found = questions.count { answer($0, in: kept) != nil }
        #expect(found > 100)
        #expect(found * WarmAnswers.maxAnswerOctets <= WarmAnswers.maxOctets)
    }

    @Test("who asks again in the same period is answered without the resolver, from the next one on by it")
    func wire() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            lab.resolver.period = Self.period(1)
            let first = try await client.ask("postfix example.com")
            #expect(try await client.ask("postfix example.com") == first)
            #expect(lab.resolver.questions == 1)
            let other = try await client.ask("postfix-tlsrpt example.com")
            #expect(other != first)
            #expect(lab.resolver.questions == 2)
            lab.resolver.period = Self.period(2)
            #expect(try await client.ask("postfix example.com") == first)
            #expect(lab.resolver.questions == 3)
            lab.resolver.period = nil
            #expect(try await client.ask("postfix example.com") == first)
            #expect(try await client.ask("postfix example.com") == first)
            #expect(lab.resolver.questions == 5)
            #expect(lab.server.requests == 6)
            await client.close()
        }
    }

    @Test("what is to be tried again is asked of the resolver each time")
    func temporary() async throws {
        let warm: [String: MapAnswer] = ["a.example": .temporary("why"), "b.example": .bogus("why")]
        try await MapLab.run(warm: warm) { lab in
            let client = try await lab.connect()
            lab.resolver.period = Self.period(1)
            for (domain, count) in [("a.example", 2), ("b.example", 4)] {
                #expect(try await client.ask("postfix \(domain)") == "TEMP \(domain): why")
                #expect(try await client.ask("postfix \(domain)") == "TEMP \(domain): why")
                #expect(lab.resolver.questions == count)
            }
            await client.close()
        }
    }

    @Test("an answer stays behind those that wait before it")
    func order() async throws {
        try await MapLab.run { lab in
            let client = try await lab.connect()
            lab.resolver.period = Self.period(1)
            let first = try await client.ask("postfix example.com")
            try await client.ask(["postfix cold.example", "postfix example.com"])
            try await eventually("the lookup began") { lab.resolver.lookups == 1 }
            try lab.resolver.release("cold.example", .notFound)
            #expect(try await client.replies(2) == ["NOTFOUND ", try #require(first)])
            await client.close()
        }
    }

    @Test("new settings write new answers")
    func settings() async throws {
        try await MapLab.run { lab in
            lab.resolver.period = Self.period(1)
            let question = "postfix-tlsrpt testing.example"
            let old = try await lab.connect()
            #expect(try await old.ask(question) == "NOTFOUND ")
            var settings = MapLab.settings()
            settings.choices.testingAttributes = true
            lab.server.apply(settings)
            // Connections are dealt out to the event loops in turn.
            for _ in 0..<System.coreCount * 2 {
                let new = try await lab.connect()
                #expect(try await new.ask(question)?.hasPrefix("OK may") == true)
                await new.close()
            }
            #expect(try await old.ask(question) == "NOTFOUND ")
            await old.close()
        }
    }
}
