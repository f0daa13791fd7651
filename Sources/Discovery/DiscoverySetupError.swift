// SPDX-License-Identifier: Apache-2.0

/// Why no policy can ever be fetched with these settings; each text names the cure.
package enum DiscoverySetupError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadableCAFile(String, reason: String)
    case emptyCAFile(String)

    package var description: String {
        switch self {
        case .unreadableCAFile(let path, let reason):
            "cannot read the authorities in \(path): \(reason); set tls.ca_file to a readable PEM file"
        case .emptyCAFile(let path): "\(path) holds no certificate; set tls.ca_file to a PEM file that does"
        }
    }
}
