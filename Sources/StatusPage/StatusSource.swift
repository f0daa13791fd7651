// SPDX-License-Identifier: Apache-2.0
import Basics
import Metrics
import Status

/// What the pages show.
package protocol StatusSource: Sendable {
    func report() async -> StatusReport
    func metrics() async -> [MetricFamily]
    /// Why mail cannot be judged now; nil if it can.
    func obstacle() async -> String?
}
