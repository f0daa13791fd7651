// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// Reads the lines of a mail log in their order, and tells the sessions that they add up to.
///
/// A reader is a value that can be written down: what it holds of sessions not yet complete is kept with the position in
/// the log, so that reading goes on after any stop exactly where it was. It is bounded, whatever the log says.
package protocol LogReader: Sendable, Codable {
    init()

    /// Takes whole lines, each with its line feed.
    /// - Parameters:
    ///   - now: the time of reading: what time stamps without a year are near to.
    ///   - found: called for each session that is complete.
    mutating func read(_ lines: UnsafeRawBufferPointer, now: UTCTime, _ found: (ObservedSession) -> Void)

    /// What the administrator should know of the log, such as a setting without which it says too little; each is told
    /// once.
    mutating func takeRemarks() -> [String]
}
