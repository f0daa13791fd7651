// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why a datagram cannot be counted. The caller drops it and says so in the log; the next one may be good.
package enum DatagramError: Error, Sendable, Hashable, CustomStringConvertible {
    case empty
    /// No JSON, or a number in it that is none of ours.
    case notJSON
    /// The path of a member that is missing or of the wrong type, in the words of the protocol.
    case badMember(String)
    case badDomain(DomainNameError)
    case tooManyPolicies
    /// No policy that we know.
    case noPolicy

    package var description: String {
        switch self {
        case .empty: "empty"
        case .notJSON: "no JSON that can be read"
        case .badMember(let path): "member \(path) is missing or of the wrong type"
        case .badDomain(let error): "domain is not valid: \(error)"
        case .tooManyPolicies: "more than \(TLSRPTDatagram.maxPolicies) policies"
        case .noPolicy: "no policy of a kind that we know"
        }
    }
}
