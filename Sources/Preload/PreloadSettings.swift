// SPDX-License-Identifier: Apache-2.0

/// Where a list comes from and whom we trust with it.
package struct PreloadSettings: Sendable, Hashable {
    /// A path, or an https URL.
    package enum Location: Sendable, Hashable, CustomStringConvertible {
        case file(String)
        case url(String)

        package init(_ text: String) {
            self = text.lowercased().hasPrefix("https://") ? .url(text) : .file(text)
        }

        package var description: String {
            switch self {
            case .file(let path): path
            case .url(let url): url
            }
        }
    }

    /// Between looks for a new list.
    package static let usualInterval = Duration.seconds(86_400)

    package let source: Location
    package let signature: Location
    package let keyring: String
    package let interval: Duration
    /// Whether testing policies are enforced.
    package let earlyAdopter: Bool

    /// - Parameter signature: where it lies if not at the source's own name with `.asc` behind it.
    package init(
        source: Location, signature: Location? = nil, keyring: String, interval: Duration = usualInterval,
        earlyAdopter: Bool = false
    ) {
        self.source = source
        self.signature = signature ?? Location(source.description + ".asc")
        self.keyring = keyring
        self.interval = interval
        self.earlyAdopter = earlyAdopter
    }
}
