// SPDX-License-Identifier: Apache-2.0
import Basics

/// A destination that is left alone for a time, since it refused too often.
package struct Suppression: Sendable, Hashable {
    package let destination: String
    package let until: UTCTime
    /// What it said last, safe to print.
    package let text: String

    package init(destination: String, until: UTCTime, text: String) {
        self.destination = destination
        self.until = until
        self.text = text
    }
}
