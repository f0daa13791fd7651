// SPDX-License-Identifier: Apache-2.0

/// A message or a part of one: what its header says about its content, and its body as it was sent.
///
/// - RFC 5322 §2.1: General Description; RFC 2045 §2.4: Entity.
package struct MailEntity {
    /// Longest field that is read, in octets; a longer one is cut.
    package static let maxFieldOctets = 8192
    /// Most parts of a multipart that are looked at: a report has two.
    package static let maxParts = 200

    package let contentType: ParameterizedField
    package let disposition: ParameterizedField
    package let encoding: TransferEncoding
    /// The domain that a TLS report is about, in the header of its mail; hostile text. - RFC 8460 §5.3: Email Transport.
    package let reportDomain: String
    package let body: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        var fields: [String: [UInt8]] = [:]
        var name: String?
        while let line = rest.popLine(), !line.isEmpty {
            if line.first?.isBlank == true {
                // - RFC 5322 §2.2.3: a folded field goes on behind its line break.
                guard let name, let room = fields[name].map({ Self.maxFieldOctets - $0.count }), room > 0 else {
                    continue
                }
                fields[name]?.append(contentsOf: line.prefix(room))
            } else {
                name = Self.begin(line.prefix(Self.maxFieldOctets), in: &fields)
            }
        }
        func field(_ name: String) -> ParameterizedField { ParameterizedField(fields[name] ?? []) }
        contentType = field("content-type")
        disposition = field("content-disposition")
        encoding = TransferEncoding(field("content-transfer-encoding").value)
        reportDomain = field("tls-report-domain").value
        body = rest
    }

    /// The name an attachment was given, if any; hostile text.
    package var fileName: String? {
        (disposition.parameter("filename") ?? contentType.parameter("name")).map(decodingEncodedWords)
    }

    /// The entities of a multipart, empty if this is none. - RFC 2046 §5.1.1: Common Syntax.
    package var parts: [MailEntity] {
        guard contentType.value.hasPrefix("multipart/"), let boundary = contentType.parameter("boundary"),
            !boundary.isEmpty
        else { return [] }
        let delimiter = Array("--".utf8) + Array(boundary.utf8)
        var parts: [MailEntity] = []
        var start: Int?
        var rest = body
        while parts.count < Self.maxParts {
            let lineStart = rest.startIndex
            guard let line = rest.popLine() else { break }
            guard line.starts(with: delimiter) else { continue }
            let isLast = line.dropFirst(delimiter.count).starts(with: "--".utf8)
            // A longer line begins the boundary of another multipart.
            guard isLast || line.dropFirst(delimiter.count).allSatisfy(\.isBlank) else { continue }
            if let start { parts.append(MailEntity(body[start..<lineStart])) }
            start = isLast ? nil : rest.startIndex
            if isLast { break }
        }
        // A mail that was cut has no closing delimiter.
        if let start, parts.count < Self.maxParts { parts.append(MailEntity(body[start...])) }
        return parts
    }

    /// Begins a field that says something about the content; nil for others, and for one that was given before.
    private static func begin(_ line: ArraySlice<UInt8>, in fields: inout [String: [UInt8]]) -> String? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = String(decoding: line[..<colon].prefix(100), as: UTF8.self).lowercased()
            .filter { $0 != " " && $0 != "\t" }
        let known = ["content-type", "content-disposition", "content-transfer-encoding", "tls-report-domain"]
        guard known.contains(name), fields[name] == nil else { return nil }
        fields[name] = Array(line[(colon + 1)...].prefix(maxFieldOctets))
        return name
    }
}
