// SPDX-License-Identifier: Apache-2.0

/// Counts outcomes; must not block and must not fail.
package protocol Recorder: Sendable {
    func record(_ outcome: Outcome)
}
