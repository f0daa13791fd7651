// SPDX-License-Identifier: Apache-2.0
import TLSRPT

/// A way to show reports, one after another: what `add` and `end` return is written in that order.
package protocol ReportForm {
    /// - Parameter source: the file that the report was in, safe to print.
    mutating func add(_ report: Report, from source: String) -> String
    mutating func end() -> String
}
