// SPDX-License-Identifier: Apache-2.0

extension SendmailFacts {
    /// Why a Sendmail cannot ask a policy map.
    package static let lacksMaps = "it is not built with _FFR_MTA_STS (Sendmail 8.16 and later can be)"

    /// Whether it can ask a policy map; nil if that is not known.
    package var knowsPolicyMaps: Bool? {
        if let version, version < (8, 16) { return false }
        return features.map { $0.isSuperset(of: ["SOCKETMAP", "_FFR_MTA_STS"]) }
    }

    /// Takes what `sendmail -d0.13 -bt` says: version, features, names of the machine.
    package mutating func read(program text: String) {
        var words: Set<String> = []
        for line in text.split(separator: "\n") {
            let bare = line.drop(while: \.isWhitespace)
            if bare.hasPrefix("Version ") { versionText = versionText ?? trimmed(bare.dropFirst("Version ".count)) }
            for (name, path) in [("$j", \Self.hostName), ("$m", \Self.hostDomain)] {
                guard let at = bare.firstRange(of: "\(name) = ") else { continue }
                let value = trimmed(bare[at.upperBound...])
                self[keyPath: path] = value == "<null>" ? "" : value
            }
            words.formUnion(bare.split(whereSeparator: \.isWhitespace).map(String.init))
        }
        features = words
    }
}
