// SPDX-License-Identifier: Apache-2.0
import Basics
import Concurrency
import Logging
import Testing

@Suite("A warning that comes again and again gets one line a minute")
struct RateLimitedLogTests {
    private enum Kind: String, RepeatedWarning {
        case full, odd
        var message: Logger.Message { "\(rawValue)" }
    }

    private let start = ContinuousClock.now

    @Test("the first at once, then one a minute of each kind, with the number of the others")
    func pauses() {
        var limit = RateLimit<Kind>(pause: .seconds(60))
        var passed: [Int: Int] = [:]
        for second in 0..<125 { passed[second] = limit.pass(.full, at: start + .seconds(second)) }
        #expect(passed == [0: 0, 60: 59, 120: 59])
        let odd = [
            limit.pass(.odd, times: 5, at: start), limit.pass(.odd, times: 7, at: start + .seconds(1)),
            limit.pass(.odd, at: start + .seconds(60)),
        ]
        #expect(odd == [4, nil, 7])
    }

    @Test("what comes again after its end is logged at once")
    func ends() {
        var limit = RateLimit<Kind>(pause: .seconds(60))
        let early = limit.reset(.full)
        let first = [limit.pass(.full, at: start), limit.pass(.full, at: start)]
        let ends = [limit.reset(.full), limit.reset(.full)]
        let second = limit.pass(.full, at: start)
        #expect(!early && ends == [true, false])
        #expect(first == [0, nil] && second == 0)
    }

    @Test("details are made for a line that is written, and for no other")
    func details() {
        let time = Locked(start)
        let lines = Locked<[String]>([])
        let made = Locked(0)
        let logger = Logger(label: "test") { _ in Handler { line in lines.withLock { $0.append(line) } } }
        let log = RateLimitedLog<Kind>(logger: logger) { time.withLock { $0 } }
        func details() -> Logger.Metadata {
            made.withLock { $0 += 1 }
            return ["n": "1"]
        }
        for _ in 0..<10 { log.warn(.full, details()) }
        time.withLock { $0 += .seconds(60) }
        log.warn(.full, details())
        #expect(lines.withLock { $0 } == ["full n=1", "full more_before=9 n=1"])
        #expect(made.withLock { $0 } == 2)
        #expect(log.end(.full) && !log.end(.full) && !log.end(.odd))
    }

    private struct Handler: LogHandler {
        let write: @Sendable (String) -> Void
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        init(_ write: @escaping @Sendable (String) -> Void) { self.write = write }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            write("\(event.message) \(fields)")
        }
    }
}
