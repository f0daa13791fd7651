// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// Longest name, address or reason that is shown, in characters.
private let maxTextCharacters = 500

extension FailureDetails {
    /// Where and why it failed, in phrases that are safe to print: `mx.example.org [192.0.2.1]`, `from 198.51.100.1`.
    func phrases(_ safe: (String) -> String = { printable($0, limit: maxTextCharacters) }) -> [String] {
        func text(_ member: String?) -> String? { member.flatMap { $0.isEmpty ? nil : safe($0) } }
        var phrases: [String] = []
        switch (text(receivingMXHostname), text(receivingIP)) {
        case (let name?, let address?): phrases.append("\(name) [\(address)]")
        case (let name?, nil): phrases.append(name)
        case (nil, let address?): phrases.append("[\(address)]")
        case (nil, nil): break
        }
        if let helo = text(receivingMXHelo), receivingMXHelo != receivingMXHostname {
            phrases.append("greets as \(helo)")
        }
        if let sender = text(sendingMTAIP) { phrases.append("from \(sender)") }
        if let reason = text(reasonCode) { phrases.append("reason: \(reason)") }
        if let more = text(additionalInformation) { phrases.append("see \(more)") }
        return phrases
    }
}
