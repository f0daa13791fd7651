// SPDX-License-Identifier: Apache-2.0
import MailLog
import TLSRPT
import Testing

@Suite("A fault of a certificate has the registry's type, whoever names it")
struct VerificationFaultTests {
    static let faults: [(String, ResultType?)] = [
        ("self-signed_certificate", .certificateNotTrusted), ("self signed certificate", .certificateNotTrusted),
        ("self-signed_certificate_in_certificate_chain", .certificateNotTrusted),
        ("self signed certificate in certificate chain", .certificateNotTrusted),
        ("unable_to_get_local_issuer_certificate", .certificateNotTrusted),
        ("unable_to_verify_the_first_certificate", .certificateNotTrusted),
        ("certificate_is_not_yet_valid", .certificateNotTrusted),
        ("unsuitable_certificate_purpose", .certificateNotTrusted),
        ("unsupported certificate purpose", .certificateNotTrusted),
        ("path_length_constraint_exceeded", .certificateNotTrusted),
        ("certificate_chain_too_long", .certificateNotTrusted), ("Permitted subtree violation", .certificateNotTrusted),
        ("EE certificate key too weak", .certificateNotTrusted), ("certificate_not_trusted", .certificateNotTrusted),
        ("certificate_has_expired", .certificateExpired), ("Hostname mismatch", .certificateHostMismatch),
        // What the registry has no better word for.
        ("tls-handshake-failure", nil), ("all-fingerprints-unusable", nil), ("all-trust-anchors-unusable", nil),
        ("mx-not-in-sts-policy", nil), ("server_certificate_not_verified", nil),
        ("application verification failure", nil),
        ("", nil), (String(repeating: "self signed certificate", count: 1000), nil),
    ]

    @Test("by its words", arguments: faults)
    func words(_ words: String, _ type: ResultType?) {
        #expect(ResultType(verificationFault: words) == type)
        #expect(ResultType.validationFailure.refined(by: words) == type ?? .validationFailure)
    }

    @Test("only a validation-failure is said better, and only by a reason")
    func others() {
        for type in ResultType.allCases where type != .validationFailure {
            #expect(type.refined(by: "self-signed_certificate") == type)
        }
        #expect(ResultType.validationFailure.refined(by: nil) == .validationFailure)
    }
}
