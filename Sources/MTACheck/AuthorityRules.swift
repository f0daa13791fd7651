// SPDX-License-Identifier: Apache-2.0
import TLS

/// Where one client has its trusted authorities from, and what is known of these places.
struct AuthorityPlaces {
    /// A setting with its value and what was found there; nil where nobody looked.
    struct Place {
        let setting: String
        let path: String
        let finding: AuthorityFinding?

        /// For the administrator; nil where nothing is wrong.
        var problem: String? {
            guard let finding, finding != .usable else { return nil }
            return "\(setting) \(path) \(finding)"
        }
    }

    /// Read as a whole before anything is verified.
    let file: Place?
    /// Looked into at each handshake.
    let folder: Place?

    private var all: [Place] { [file, folder].compactMap { $0 } }

    /// What is wrong with the places, if together they verify nothing; nil if they do, or may.
    var problem: String? {
        let problems = all.compactMap(\.problem)
        return !problems.isEmpty && problems.count == all.count ? problems.joined(separator: ", and ") : nil
    }

    var isEmpty: Bool { all.isEmpty }

    /// Whether another user may see more than we do.
    var isDenied: Bool { all.contains { $0.finding == .denied } }

    /// What keeps OpenSSL from loading the file at all.
    var loadFailure: String? {
        switch file?.finding {
        case .unreadable, .noCertificate: file?.problem
        case .usable, .denied, .noHashedName, .noAuthority, .noRoot, .expired, nil: nil
        }
    }
}
