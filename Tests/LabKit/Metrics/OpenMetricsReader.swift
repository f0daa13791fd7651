// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The reference reader of OpenMetrics, of Prometheus' client library for Python.
package enum OpenMetricsReader {
    private static let program = """
        import sys
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
        for family in read(sys.stdin.read()):
            print(family.name, " ".join(sorted({sample.name for sample in family.samples})))
        """

    /// The names of all families and of their samples; throws for a text that breaks a rule.
    package static func names(in text: String) throws -> Set<String> {
        let result = try Command.run(["/usr/bin/python3", "-c", program], input: text)
        guard result.status == 0 else { throw LabError("not OpenMetrics: \(result.errors)") }
        return Set(result.output.split(whereSeparator: \.isWhitespace).map(String.init))
    }
}
