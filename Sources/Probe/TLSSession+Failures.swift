// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import TLS
import TLSRPT

extension TLSSession {
    /// All ways in which the session does not conform, the gravest first; none if it does.
    ///
    /// Usable TLSA records decide alone. Records of which none can be used ask for TLS without authentication,
    /// which the trust store and the name then have to give, as for a host without records.
    ///
    /// - Deviation: DANE alone decides for a host that has it.
    /// - Deviation: unusable TLSA records leave the decision to the policy.
    /// - RFC 8461 §4.2: Recipient MTA Certificate Validation.
    /// - RFC 7672 §2.2: TLS Discovery.
    func failures(for name: DomainName, address: IPAddress, helo: String?, securityLevel: Int) -> [Failure] {
        func failure(_ type: ResultType, _ reason: String?, _ text: String) -> Failure {
            Failure(type, reasonCode: reason, text: text, address: address, helo: helo)
        }
        switch dane {
        case .matched:
            return []
        case .mismatched:
            let reason = problems.first?.word ?? "No_matching_DANE_TLSA_records"
            return [failure(.tlsaInvalid, reason, "certificate does not match the TLSA records: \(problemText)")]
        case .notAsked, .unusable:
            var failures: [Failure] = []
            if let problem = problems.first(where: { $0.kind != .expired }) {
                let weakness = problem.kind == .tooWeak ? TLSLayer.weakness(at: securityLevel) : ""
                failures.append(
                    failure(
                        .certificateNotTrusted, problem.word, "certificate not trusted: \(problem.text)\(weakness)"))
            }
            if !nameMatches {
                failures.append(failure(.certificateHostMismatch, nil, "certificate is not for \(name): \(namesText)"))
            }
            if problems.contains(where: { $0.kind == .expired }) {
                failures.append(failure(.certificateExpired, nil, expiryText))
            }
            return failures
        }
    }

    private var problemText: String { problems.first?.text ?? "no match" }

    private var namesText: String {
        guard !certificate.names.isEmpty else { return "it has no DNS name" }
        let more = certificate.names.count > 3 ? ", ..." : ""
        return "it is for \(certificate.names.prefix(3).joined(separator: ", "))\(more)"
    }

    private var expiryText: String {
        guard isExpired else { return "a certificate above the host's has expired" }
        return "certificate expired" + (certificate.notAfter.map { " on \($0)" } ?? "")
    }
}

extension TLSFacts {
    init(_ session: TLSSession, address: IPAddress) {
        let isDANE = session.dane == .matched || session.dane == .mismatched
        self.init(
            address: address, version: session.version, cipher: session.cipher, subject: session.certificate.subject,
            issuer: session.certificate.issuer, notBefore: session.certificate.notBefore,
            notAfter: session.certificate.notAfter, names: session.certificate.names,
            authentication: isDANE ? .dane : .pkix, isOfNextHop: session.isOfNextHop)
    }
}
