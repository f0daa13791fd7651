// SPDX-License-Identifier: Apache-2.0
import Logging

/// What becomes of DNSSEC with the resolver there is.
enum DNSSECUse: Sendable, Equatable {
    case validated
    /// The settings say so.
    case unwanted
    /// The system keeps no key of the root.
    case withoutAnchor
    /// The resolver does not pass on what validation needs; the text says what is missing.
    case stripped(String)
    /// The resolver has not answered yet; answers are validated.
    case untested

    /// Nil where the settings do without, which is no fault and must not be an alert that never ends, and while it is not
    /// known.
    var isWorking: Bool? {
        switch self {
        case .validated: true
        case .withoutAnchor, .stripped: false
        case .unwanted, .untested: nil
        }
    }

    /// One line for the administrator.
    var text: String {
        switch self {
        case .validated: "DNSSEC is validated"
        case .unwanted: "DNSSEC is not validated and DANE is off, as dns.trust_anchor says"
        case .withoutAnchor:
            "DNSSEC is not validated and DANE is off: there is no trust anchor; install dns-root-data, or set dns.trust_anchor"
        case .stripped:
            "DNSSEC is not validated and DANE is off: the resolver cannot do it; use another (dns.forwarder), or set dns.trust_anchor = \"none\""
        case .untested: "whether DNSSEC is validated is not known yet: the resolver has not answered"
        }
    }

    /// Tells of what the administrator did not ask for.
    func warn(_ logger: Logger) {
        switch self {
        case .validated, .unwanted: return
        case .withoutAnchor, .untested: logger.warning("\(text)")
        case .stripped(let why): logger.warning("\(text)", metadata: ["cause": "\(why)"])
        }
    }
}
