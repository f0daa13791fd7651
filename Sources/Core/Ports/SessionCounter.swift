// SPDX-License-Identifier: Apache-2.0

/// Says what sessions of a log count for, under the policies that are in force.
package protocol SessionCounter: Sendable {
    /// - Parameter sessions: in the order of the log.
    func counts(of sessions: [ObservedSession]) async -> [SessionCount]
}
