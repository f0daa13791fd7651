// SPDX-License-Identifier: Apache-2.0

/// Why what an MTA said cannot be read or recorded; says what to change.
package enum IntakeReadingError: Error, CustomStringConvertible {
    case unreadable(String, cause: String)
    case recordedBefore(String)

    package var description: String {
        switch self {
        case .unreadable(let path, let cause): "\(path): \(cause)"
        case .recordedBefore(let path):
            "\(path): these sessions were recorded before, nothing is added; --again adds them once more"
        }
    }
}
