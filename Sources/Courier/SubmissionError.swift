// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why a text names no way into the MTA, and what to write.
package struct SubmissionError: Error, Sendable, Hashable, CustomStringConvertible {
    let text: String
    package var description: String {
        "'\(printable(text))' is no way into the MTA: write /usr/sbin/sendmail, smtp:HOST or smtp:HOST:PORT"
    }
}
