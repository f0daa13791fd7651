// SPDX-License-Identifier: Apache-2.0

/// A metric with its samples, as it is told to Prometheus.
package struct MetricFamily: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        case counter, gauge, histogram
        /// Labels of a thing that is always 1.
        case info
    }

    package struct Sample: Sendable, Hashable {
        /// What follows the name of the family: `_total`, `_bucket`.
        let suffix: String
        let labels: [Label]
        let value: Double
    }

    package struct Label: Sendable, Hashable {
        let name: String
        let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Without `_total` and the like, and with the prefix of all our metrics.
    package let name: String
    package let kind: Kind
    package let help: String
    package private(set) var samples: [Sample] = []

    /// The prefix of all metrics but those of the process, which have a name that all programs share.
    private static let prefix = "sts_milter_"

    private init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    /// - Parameter values: the labels of each sample, of a fixed set: never a domain, a host or a text from elsewhere.
    package static func counter(_ name: String, _ help: String, _ values: [([Label], Int)]) -> MetricFamily {
        var family = MetricFamily(prefix + name, .counter, help)
        family.samples = values.map { Sample(suffix: "_total", labels: $0.0, value: Double($0.1)) }
        return family
    }

    package static func counter(_ name: String, _ help: String, _ value: Int) -> MetricFamily {
        counter(name, help, [([], value)])
    }

    package static func gauge(_ name: String, _ help: String, _ values: [([Label], Double)]) -> MetricFamily {
        var family = MetricFamily(prefix + name, .gauge, help)
        family.samples = values.map { Sample(suffix: "", labels: $0.0, value: $0.1) }
        return family
    }

    /// - Parameter value: nil for what is not known, which then has no sample.
    package static func gauge(_ name: String, _ help: String, _ value: Double?) -> MetricFamily {
        gauge(name, help, value.map { [([], $0)] } ?? [])
    }

    package static func info(_ name: String, _ help: String, _ labels: [Label]) -> MetricFamily {
        var family = MetricFamily(prefix + name, .info, help)
        family.samples = [Sample(suffix: "_info", labels: labels, value: 1)]
        return family
    }

    package static func histogram(_ name: String, _ help: String, _ counts: Histogram.Counts) -> MetricFamily {
        histogram(name, help, [([], counts)])
    }

    /// - Parameter values: the labels of each histogram, of a fixed set.
    package static func histogram(
        _ name: String, _ help: String, _ values: [([Label], Histogram.Counts)]
    ) -> MetricFamily {
        var family = MetricFamily(prefix + name, .histogram, help)
        for (labels, counts) in values {
            var sum = 0
            for (bound, count) in zip(counts.bounds + [.infinity], counts.buckets) {
                sum += count
                let le = bound == .infinity ? "+Inf" : "\(bound)"
                family.samples.append(
                    Sample(suffix: "_bucket", labels: labels + [Label("le", le)], value: Double(sum)))
            }
            family.samples.append(Sample(suffix: "_count", labels: labels, value: Double(sum)))
            family.samples.append(Sample(suffix: "_sum", labels: labels, value: counts.seconds))
        }
        return family
    }

    /// A metric of the process, under the name that it has in all programs.
    package static func process(_ name: String, _ kind: Kind, _ help: String, _ value: Double?) -> MetricFamily {
        var family = MetricFamily("process_" + name, kind, help)
        let suffix = kind == .counter ? "_total" : ""
        family.samples = value.map { [Sample(suffix: suffix, labels: [], value: $0)] } ?? []
        return family
    }
}
