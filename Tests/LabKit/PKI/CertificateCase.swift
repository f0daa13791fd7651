// SPDX-License-Identifier: Apache-2.0

/// A certificate that a host of the laboratory shows, and what is said of it if it is refused.
package struct CertificateCase: Sendable, CustomStringConvertible {
    package let description: String
    /// Part of the reason; empty for one that is taken.
    package let text: String
    /// Issues it, or has it issued by somebody else.
    package let credential: @Sendable (CertificateAuthority) throws -> Credential

    private init(
        _ description: String, _ text: String = "",
        _ credential: @escaping @Sendable (CertificateAuthority) throws -> Credential
    ) {
        self.description = description
        self.text = text
        self.credential = credential
    }

    /// Certificates that do not prove a name. - RFC 8461 §3.3: HTTPS Policy Fetching.
    package static func refused(for name: String) -> [CertificateCase] {
        let untrusted = "not issued by a trusted authority for this use"
        let otherName = "does not name \(name)"
        let parent = name.drop { $0 != "." }
        return [
            CertificateCase("expired", "expired on 20") { try $0.issue(names: [name], validity: .expired) },
            CertificateCase("expired, for another name", "expired on 20") {
                try $0.issue(names: ["x.lab"], validity: .expired)
            },
            CertificateCase("not yet valid", "not valid before 20") { try $0.issue(names: [name], validity: .notYet) },
            CertificateCase("unknown authority", untrusted) { _ in
                try CertificateAuthority(commonName: "nobody's root").issue(names: [name])
            },
            CertificateCase("own issuer", untrusted) { try $0.selfSigned(names: [name]) },
            CertificateCase("intermediate not sent", untrusted) {
                try $0.intermediate().issue(names: [name], options: [.withoutIntermediate])
            },
            CertificateCase("expired intermediate", "intermediate expired on 20") {
                try $0.intermediate(validity: .expired).issue(names: [name])
            },
            CertificateCase("for clients only", untrusted) {
                try $0.issue(names: [name], options: [.clientAuthenticationOnly])
            },
            CertificateCase("another name", otherName) { try $0.issue(names: ["other.lab"]) },
            CertificateCase("name as common name beside others", otherName) {
                try $0.issue(names: ["other.lab"], commonName: name)
            },
            CertificateCase("common name only", "a common name does not count") {
                try $0.issue(names: [name], options: [.commonNameOnly])
            },
            CertificateCase("wildcard too far up", otherName) { try $0.issue(names: ["*.lab"]) },
            CertificateCase("wildcard within a label", otherName) {
                try $0.issue(names: ["\(name.prefix(2))*\(parent)"])
            },
        ]
    }

    /// Certificates that prove a name.
    package static func taken(for name: String) -> [CertificateCase] {
        let parent = name.drop { $0 != "." }
        let wildcard = CertificateCase("wildcard") { try $0.issue(names: ["*\(parent)"]) }
        return [
            CertificateCase("one of several names") { try $0.issue(names: ["www\(parent)", name], commonName: "x") },
            CertificateCase("upper case") { try $0.issue(names: [name.uppercased()]) },
            CertificateCase("intermediate") { try $0.intermediate().issue(names: [name]) },
            CertificateCase("key on P-521") { try $0.issue(names: [name], options: [.p521Key]) },
        ] + (parent.dropFirst().contains(".") ? [wildcard] : [])
    }
}
