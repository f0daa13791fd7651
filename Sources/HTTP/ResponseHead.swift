// SPDX-License-Identifier: Apache-2.0

/// Status and fields of a response.
package struct ResponseHead: Sendable, Hashable {
    package struct Field: Sendable, Hashable {
        /// In lower case.
        package let name: String
        package var value: String
    }

    package let status: UInt
    package var fields: [Field]
    /// Of HTTP: 1 or 2.
    let majorVersion: UInt

    package init(status: UInt, fields: [Field] = [], majorVersion: UInt = 1) {
        self.status = status
        self.fields = fields
        self.majorVersion = majorVersion
    }

    /// The value of the first field of a name, which is given in lower case.
    package func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Whether the body takes one decoder at most. A second one decodes what the first puts out, a thousand octets for each
    /// that came: a few kilobytes of nothing, packed four times, would keep libcurl busy for hours within one call.
    /// - RFC 9110 §8.4: Content-Encoding; RFC 9112 §6.1: Transfer-Encoding.
    var isDecodedOnce: Bool {
        let transfer = codings("transfer-encoding")
        let chunked = transfer.count { $0 == "chunked" }
        return chunked <= 1 && codings("content-encoding").count + transfer.count - chunked <= 1
    }

    /// Whether the head itself asks for a decoder.
    fileprivate var isCoded: Bool {
        !codings("content-encoding").isEmpty || !codings("transfer-encoding").isEmpty
    }

    /// All codings of all fields of a name but `identity`, in lower case.
    private func codings(_ name: String) -> [String] {
        fields.filter { $0.name == name }.flatMap { $0.value.split(separator: ",") }
            .map { $0.trimmingBlanks.lowercased() }.filter { !$0.isEmpty && $0 != "identity" }
    }

    /// Whether nothing but the end of the connection is the end of the body.
    /// - RFC 9112 §6.3: Message Body Length.
    var isOpenEnded: Bool {
        guard majorVersion < 2, status != 204, status != 304 else { return false }
        let coding = first("transfer-encoding")
        return coding.map { !$0.lowercased().contains("chunked") } ?? (first("content-length") == nil)
    }
}

/// Makes a head of the lines that libcurl hands over, one by one, whatever their ends; interim answers are passed over.
struct HeadReader {
    /// Octets of all lines together, those of interim answers and of trailers included.
    static let maxOctets = 64 << 10
    /// Most lines of fields: real answers have some twenty.
    static let maxLines = 256
    /// Interim answers before the answer. - RFC 9110 §15.2: Informational 1xx. Clients must take any number of them, but
    /// a server of policies or reports has no use for more than a few.
    static let maxInterim = 16

    /// What a line came to.
    enum Step: Equatable {
        case more
        case head(ResponseHead)
        case failed(HTTPFailure)
    }

    private var octets = 0
    /// Lines of the head that is being read, and of those before it.
    private var lines = 0
    private var interim = 0
    private var head: ResponseHead?
    private var isDone = false

    mutating func take(_ line: some Collection<UInt8>) -> Step {
        octets += line.count
        guard octets <= Self.maxOctets else { return .failed(interim > 0 && !isDone ? .interimAnswers : .headTooLong) }
        // Trailers say nothing that anybody wants to know.
        guard !isDone else { return .more }
        let text = String(decoding: line, as: UTF8.self).trimmingLineEnd
        guard !text.isEmpty else { return end() }
        guard head != nil else {
            head = Self.head(text)
            return head == nil ? .failed(.notHTTP) : .more
        }
        lines += 1
        guard lines <= Self.maxLines else { return .failed(.headTooLong) }
        add(text)
        return .more
    }

    /// Changes the head in place: a copy for each of thousands of lines would hold up all other transfers.
    private mutating func add(_ text: String) {
        if let first = text.utf8.first, isBlank(first) {
            // - RFC 9112 §5.2: Obsolete Line Folding: a recipient takes it for blanks.
            guard let head, let last = head.fields.last else { return }
            self.head?.fields[head.fields.count - 1].value = (last.value + " " + text.trimmingBlanks).trimmingBlanks
        } else if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            let name = text[..<colon].trimmingBlanks.lowercased()
            let value = text[text.utf8.index(after: colon)...].trimmingBlanks
            head?.fields.append(ResponseHead.Field(name: name, value: value))
        }
    }

    private mutating func end() -> Step {
        guard let head else { return .more }
        self.head = nil
        guard (100..<200).contains(head.status) else {
            isDone = true
            return .head(head)
        }
        // libcurl would add its decoders to those of the answer.
        guard !head.isCoded else { return .failed(.encoding) }
        interim += 1
        return interim > Self.maxInterim ? .failed(.interimAnswers) : .more
    }

    /// Of `HTTP/1.1 200 OK` or `HTTP/2 200`. - RFC 9112 §4: Status Line.
    private static func head(_ line: String) -> ResponseHead? {
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/"),
            let major = UInt(parts[0].dropFirst(5).prefix { $0 != "." }),
            parts[1].utf8.count == 3, let status = UInt(parts[1])
        else { return nil }
        return ResponseHead(status: status, majorVersion: major)
    }
}

private func isBlank(_ octet: UInt8) -> Bool { octet == UInt8(ascii: " ") || octet == UInt8(ascii: "\t") }

extension StringProtocol {
    fileprivate var trimmingBlanks: String {
        let octets = utf8.drop(while: isBlank)
        return String(
            decoding: octets.prefix(octets.count - octets.reversed().prefix(while: isBlank).count), as: UTF8.self)
    }

    fileprivate var trimmingLineEnd: String {
        let isEnd: (UInt8) -> Bool = { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
        return String(decoding: utf8.prefix(utf8.count - utf8.reversed().prefix(while: isEnd).count), as: UTF8.self)
    }
}
