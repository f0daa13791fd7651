// SPDX-License-Identifier: Apache-2.0
import LabKit
import Metrics
import Testing

@Suite("Metrics are told in the text of OpenMetrics")
struct OpenMetricsTests {
    private typealias Label = MetricFamily.Label

    private func families() -> [MetricFamily] {
        let times = Histogram()
        for time: Duration in [.milliseconds(1), .milliseconds(700), .seconds(100)] { times.note(time) }
        return [
            .info("build", "The version.", [Label("version", "0.1.0")]),
            .counter(
                "verdicts", "By \"what\" was\ndone.",
                [([Label("action", "defer")], 3), ([Label("action", "a\"\\\nb")], 0)]),
            .gauge("policies_unsaved", "Waiting.", 2.5), .gauge("nothing", "Not known.", nil),
            .histogram("wait_seconds", "How long.", times.current),
            .process("cpu_seconds", .counter, "Processor time.", 1.25),
        ]
    }

    @Test("the whole text")
    func text() {
        let text = OpenMetrics.text(families())
        #expect(
            text.hasPrefix(
                """
                # TYPE sts_milter_build info
                # HELP sts_milter_build The version.
                sts_milter_build_info{version="0.1.0"} 1
                # TYPE sts_milter_verdicts counter
                # HELP sts_milter_verdicts By "what" was\\ndone.
                sts_milter_verdicts_total{action="defer"} 3
                sts_milter_verdicts_total{action="a\\"\\\\\\nb"} 0
                # TYPE sts_milter_policies_unsaved gauge
                # HELP sts_milter_policies_unsaved Waiting.
                sts_milter_policies_unsaved 2.5
                # TYPE sts_milter_nothing gauge
                # HELP sts_milter_nothing Not known.
                # TYPE sts_milter_wait_seconds histogram

                """))
        #expect(text.contains("sts_milter_wait_seconds_bucket{le=\"0.005\"} 1\n"))
        #expect(text.contains("sts_milter_wait_seconds_bucket{le=\"1.0\"} 2\n"))
        #expect(text.contains("sts_milter_wait_seconds_bucket{le=\"60.0\"} 2\n"))
        #expect(text.contains("sts_milter_wait_seconds_bucket{le=\"+Inf\"} 3\n"))
        #expect(text.contains("sts_milter_wait_seconds_count 3\n"))
        #expect(text.contains("sts_milter_wait_seconds_sum 100.701\n"))
        #expect(text.hasSuffix("process_cpu_seconds_total 1.25\n# EOF\n"))
    }

    @Test("the reference reader of OpenMetrics takes it, and refuses what is spoilt")
    func reference() throws {
        let text = OpenMetrics.text(families())
        let good = try OpenMetricsReader.names(in: text)
        #expect(good.contains("sts_milter_verdicts") && good.contains("process_cpu_seconds"))
        for spoilt in [
            text.replacing("# EOF\n", with: ""), text.replacing("_total{", with: "{"),
            text.replacing("\"+Inf\"", with: "\"9\""),
        ] {
            #expect(throws: (any Error).self) { try OpenMetricsReader.names(in: spoilt) }
        }
    }

    @Test("a time is in the class of the least bound that it does not exceed, and in the sum to the nanosecond")
    func classes() {
        let times = Histogram(Histogram.memoryBounds)
        for nanoseconds in [0, 100_000, 100_001, 10_000_000_000, 10_000_000_001] {
            times.note(nanoseconds: nanoseconds)
        }
        #expect(times.current.buckets == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
        #expect(times.current.seconds == 20.000_200_002)
    }

    @Test("histograms of several owners are told as one, each kind under its label")
    func labelled() throws {
        let parts = (0..<2).map { _ in Histogram(Histogram.memoryBounds) }
        parts[0].note(.microseconds(50))
        parts[1].note(.milliseconds(3))
        let none = Histogram(Histogram.memoryBounds).current
        let text = OpenMetrics.text([
            .histogram(
                "call_seconds", "How long.",
                [([Label("callback", "rcpt")], parts.current), ([Label("callback", "eom")], none)])
        ])
        for line in [
            "bucket{callback=\"rcpt\",le=\"0.0001\"} 1", "bucket{callback=\"rcpt\",le=\"0.001\"} 1",
            "bucket{callback=\"rcpt\",le=\"0.005\"} 2", "bucket{callback=\"rcpt\",le=\"+Inf\"} 2",
            "count{callback=\"rcpt\"} 2", "sum{callback=\"rcpt\"} 0.00305", "bucket{callback=\"eom\",le=\"+Inf\"} 0",
        ] {
            #expect(text.contains("sts_milter_call_seconds_\(line)\n"), "\(line)")
        }
        #expect(try OpenMetricsReader.names(in: text).contains("sts_milter_call_seconds"))
    }

    @Test("counters of many threads add up")
    func sums() async {
        let parts = (0..<4).map { _ in CounterArray() }
        await withDiscardingTaskGroup { group in
            for part in parts {
                for _ in 1...4 { group.addTask { for _ in 1...1000 { part.add(at: 7) } } }
            }
        }
        #expect(parts.sum(at: 7) == 16_000 && parts.sum(at: 8) == 0)
        parts[0].addAlone(at: 47)
        #expect(parts.sum(at: 47) == 1)
    }
}
