// SPDX-License-Identifier: Apache-2.0
import Basics
import MailLog
import TLSRPT

/// A datagram as libtlsrpt writes it. Members that we do not know are passed over.
struct DatagramMessage: Decodable {
    let dpv: ProtocolVersion?
    let d: String
    let pr: String?
    let policies: [DatagramPolicy]
}

/// The version of the protocol; older libraries send none.
struct ProtocolVersion: Decodable {
    let remark: String?

    init(from decoder: any Decoder) throws {
        let text = try? decoder.singleValueContainer().decode(String.self)
        let words = text.map { "protocol version '\(printable($0, limit: 20))'" } ?? "protocol version"
        remark = text == "1" ? nil : "\(words) is not '1'"
    }
}

struct DatagramPolicy: Decodable {
    enum CodingKeys: String, CodingKey {
        case type = "policy-type"
        case domain = "policy-domain"
        case strings = "policy-string"
        case mxHosts = "mx-host"
        case details = "failure-details"
        case finalResult = "f"
    }

    /// Why one policy of a datagram is left out.
    struct Refusal: Error {
        let why: String
    }

    let type: Int
    let domain: String?
    let strings: [String]?
    let mxHosts: [String]?
    let details: [DatagramDetail]?
    /// 0 for success, 1 for failure.
    let finalResult: Int

    func outcome(for sessionDomain: DomainName) -> Result<TLSRPTDatagram.PolicyOutcome, Refusal> {
        let kind: PolicyType
        switch type {
        case 1: kind = .tlsa
        case 2: kind = .sts
        case 9: kind = .noPolicyFound
        default: return .failure(Refusal(why: "policy-type \(type) is not known"))
        }
        // An MX host, for tlsa.
        guard let domain = domain.map({ try? DomainName(host: $0) }) ?? sessionDomain else {
            return .failure(Refusal(why: "policy-domain '\(printable(domain ?? "", limit: 80))' is not valid"))
        }
        guard finalResult == 0 || finalResult == 1 else {
            return .failure(Refusal(why: "final result \(finalResult) is not known"))
        }
        let policy = ReportedPolicy(
            kind, domain: domain.ascii, strings: kind == .noPolicyFound ? [] : TLSRPTDatagram.bounded(strings),
            mxHosts: kind == .sts ? TLSRPTDatagram.bounded(mxHosts).compactMap(TLSRPTDatagram.pattern) : [])
        // What failed on the way to success is no failed session. - RFC 8460 §4.4: failed-session-count.
        let failures = finalResult == 0 ? [] : (details ?? []).prefix(TLSRPTDatagram.maxDetails).map(\.failure)
        return .success(.init(policy: policy, isFailure: finalResult == 1, details: failures))
    }
}

/// A failure detail; the letters are libtlsrpt's.
struct DatagramDetail: Decodable {
    let c: Int
    let s: String?
    let n: String?
    let h: String?
    let r: String?
    let a: String?
    let f: String?

    var failure: FailureDetails {
        let type = ResultType(libtlsrptCode: c)
        return FailureDetails(
            type?.refined(by: f) ?? .validationFailure, sendingMTAIP: s.flatMap(TLSRPTDatagram.address),
            receivingMXHostname: n.flatMap(TLSRPTDatagram.hostName), receivingMXHelo: h.map(TLSRPTDatagram.greeting),
            receivingIP: r.flatMap(TLSRPTDatagram.address), additionalInformation: a,
            reasonCode: type == nil ? "code-\(c)" : f)
    }
}

extension ResultType {
    /// `tlsrpt_failure_t` of libtlsrpt.
    fileprivate init?(libtlsrptCode code: Int) {
        switch code {
        case 201: self = .starttlsNotSupported
        case 202: self = .certificateHostMismatch
        case 203: self = .certificateNotTrusted
        case 204: self = .certificateExpired
        case 205: self = .validationFailure
        case 301: self = .stsPolicyFetchError
        case 302: self = .stsPolicyInvalid
        case 303: self = .stsWebPKIInvalid
        case 304: self = .tlsaInvalid
        case 305: self = .dnssecInvalid
        case 306: self = .daneRequired
        default: return nil
        }
    }
}
