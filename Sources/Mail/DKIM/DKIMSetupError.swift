// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why reports cannot be carried with the settings given; each text says what to mend.
package enum DKIMSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The key file, and what is wrong with it.
    case dkimKey(String, String)
    case dkimSelector(String)

    package var description: String {
        switch self {
        case .dkimKey(let path, let problem): "DKIM key \(printable(path)) \(problem)"
        case .dkimSelector(let selector):
            "DKIM selector '\(printable(selector))' is no part of a name: write letters, digits and hyphens"
        }
    }
}
