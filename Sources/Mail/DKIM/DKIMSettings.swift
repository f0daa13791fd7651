// SPDX-License-Identifier: Apache-2.0
import Basics

/// With what report mail is signed.
package struct DKIMSettings: Sendable, Hashable {
    /// Where the key is published; nil stands for the domain of the report's contact.
    package var domain: DomainName?
    /// The key is at `SELECTOR._domainkey.DOMAIN`.
    package var selector: String
    /// The private key in PEM form, RSA or Ed25519.
    package var keyFile: String

    package init(domain: DomainName? = nil, selector: String, keyFile: String) {
        self.domain = domain
        self.selector = selector
        self.keyFile = keyFile
    }
}

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
