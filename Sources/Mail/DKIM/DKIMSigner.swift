// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import TLSRPT

/// Signs report mail. - RFC 6376 §5: Signer Actions.
package struct DKIMSigner: Sendable {
    /// All that makes the report what it is; the second From lets nobody add another one.
    /// - RFC 8460 §5.3: the fields of reports should be signed.
    private static let signedFields = [
        "From", "From", "To", "Date", "Subject", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted",
        "TLS-Report-Domain", "TLS-Report-Submitter", "TLS-Required",
    ]

    /// Nil stands for the submitter.
    private let domain: DomainName?
    private let selector: String
    package let key: DKIMKey

    package init(_ settings: DKIMSettings) throws(DKIMSetupError) {
        let example = settings.domain?.ascii ?? "example.org"
        guard settings.selector.utf8.allSatisfy({ $0 < 0x80 }),
            (try? DomainName("\(settings.selector).\(example)")) != nil
        else {
            throw .dkimSelector(settings.selector)
        }
        domain = settings.domain
        selector = settings.selector
        key = try DKIMKey(file: settings.keyFile)
    }

    /// The field to put before all others; nil only if memory is short.
    package func signature(of message: MailMessage, submitter: DomainName, at time: UTCTime) -> MailMessage.Field? {
        let bodyHash = Data(sha256(DKIMCanonical.relaxed(body: message.body))).base64EncodedString()
        let tags = [
            "v=1; a=\(key.algorithm.rawValue); c=relaxed/relaxed;",
            "d=\(domain ?? submitter); s=\(selector); t=\(time.secondsSinceEpoch);",
            "h=\(Self.signedFields.joined(separator: ":\r\n  "));",
            "bh=\(bodyHash);", "b=",
        ]
        let unsigned = MailMessage.Field(name: "DKIM-Signature", value: tags.joined(separator: "\r\n "))
        // The field that signs comes last, its signature still empty and without a line end. - RFC 6376 §3.7.
        let lines =
            signed(message.fields).map { DKIMCanonical.relaxed($0) + "\r\n" } + [DKIMCanonical.relaxed(unsigned)]
        guard let signature = key.sign(Array(lines.joined().utf8)) else { return nil }
        return MailMessage.Field(name: unsigned.name, value: unsigned.value + Self.folded(signature))
    }

    /// Fields in the order of `h=`; a name that has no more fields adds nothing.
    private func signed(_ fields: [MailMessage.Field]) -> [MailMessage.Field] {
        var left = fields
        return Self.signedFields.compactMap { name in
            left.lastIndex { $0.name == name }.map { left.remove(at: $0) }
        }
    }

    private static func folded(_ octets: [UInt8]) -> String {
        Data(octets).base64EncodedString(options: [
            .lineLength64Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
        ])
        .replacing("\r\n", with: "\r\n  ")
    }
}
