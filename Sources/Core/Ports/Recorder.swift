// SPDX-License-Identifier: Apache-2.0
import Basics

/// Counts outcomes; must not block and must not fail.
package protocol Recorder: Sendable {
    func record(_ outcome: Outcome)
    /// Counts a verdict that the route keeps its policy, as nearly all mail comes to; nothing is copied for it.
    func recordConforming(_ judgement: Judgement, at time: UTCTime)
}
