// SPDX-License-Identifier: Apache-2.0
import Basics

/// What the DNS said, records still as they stood on the wire or already read.
package struct DNSAnswer<Record: Sendable>: Sendable {
    package let outcome: DNSOutcome
    /// Empty unless the outcome is `.records`, and then at most ``RecordType/recordLimit`` of them.
    package let records: [Record]
    /// How many records could not be read; the caller tells "nothing there" from "nothing usable there".
    package let malformed: Int
    /// Whether there were more records than ``RecordType/recordLimit``.
    package let isCut: Bool
    /// The name that holds the records, behind all CNAMEs; nil if there were none or it is no host name.
    package let canonicalName: DomainName?
    /// How long the answer holds, the absence of records as well; zero for a failure.
    package let timeToLive: Duration
    package let security: DNSSecurity

    package init(
        outcome: DNSOutcome, records: [Record] = [], malformed: Int = 0, isCut: Bool = false,
        canonicalName: DomainName? = nil, timeToLive: Duration = .zero, security: DNSSecurity = .insecure
    ) {
        self.outcome = outcome
        self.records = records
        self.malformed = malformed
        self.isCut = isCut
        self.canonicalName = canonicalName
        self.timeToLive = timeToLive
        self.security = security
    }

    /// The same answer with each record read, those that cannot be read counted.
    package func reading<Value: Sendable>(_ read: (Record) -> Value?) -> DNSAnswer<Value> {
        let values = records.compactMap(read)
        return DNSAnswer<Value>(
            outcome: outcome, records: values, malformed: malformed + records.count - values.count, isCut: isCut,
            canonicalName: canonicalName, timeToLive: timeToLive, security: security)
    }
}

package enum DNSOutcome: Sendable, Equatable {
    case records
    /// The name exists, without records of the type.
    case noData
    case noSuchDomain
    /// Nothing is known; never to be taken for "absent".
    case failure(DNSFailure)

    package var failure: DNSFailure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}

/// Whether DNSSEC vouches for an answer. - RFC 4035 §4.3: Determining Security Status of Data.
package enum DNSSecurity: Sendable, Equatable {
    case secure
    case insecure
    case bogus
}

/// Whether a resolver can tell true answers from forged ones.
package enum DNSValidation: Sendable, Equatable {
    case works
    /// The root is not among the trust anchors.
    case off
    /// The servers asked do not pass on what validation needs; the text is libunbound's reason.
    case fails(String)
    /// They did not answer.
    case unknown(DNSFailure)
}

/// Why the DNS gave no answer; every text is safe to print.
package enum DNSFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The answer fails DNSSEC validation: it may be forged.
    case bogus(String)
    /// SERVFAIL, also when no server of the zone answers.
    case serverFailure
    case refused
    /// Another response code.
    case responseCode(Int32)
    /// The deadline passed.
    case timeout
    /// The caller's task was cancelled.
    case cancelled
    /// Too many queries are under way; ask again later.
    case busy
    case shutDown
    /// The library failed: out of memory, descriptors.
    case library(String)
    /// No name at all can be asked for now: no descriptors, or the resolver that we ask is gone.
    case cutOff(String)

    /// Whether the failure is our own, and says nothing of the name or its servers.
    package var isOurs: Bool {
        switch self {
        case .cancelled, .busy, .shutDown, .library, .cutOff: true
        case .bogus, .serverFailure, .refused, .responseCode, .timeout: false
        }
    }

    /// Whether no name at all can be asked for: unlike too many queries, of which each owner has a share.
    package var concernsAll: Bool {
        switch self {
        case .library, .cutOff: true
        case .bogus, .serverFailure, .refused, .responseCode, .timeout, .cancelled, .busy, .shutDown: false
        }
    }

    /// Whether the name's own servers may be to blame, or as well our resolver: without the keys of the root each name
    /// fails validation.
    var isOpenWhose: Bool {
        switch self {
        case .serverFailure, .refused, .timeout, .bogus: true
        case .responseCode, .cancelled, .busy, .shutDown, .library, .cutOff: false
        }
    }

    package var description: String {
        switch self {
        case .bogus(let why): "DNSSEC validation failed: \(why)"
        case .serverFailure: "DNS server failure"
        case .refused: "DNS query refused"
        case .responseCode(let code): "DNS response code \(code)"
        case .timeout: "DNS query timed out"
        case .cancelled: "DNS query cancelled"
        case .busy: "too many DNS queries under way"
        case .shutDown: "DNS resolver is shut down"
        case .library(let text): "DNS library: \(text)"
        case .cutOff(let text): text
        }
    }
}
