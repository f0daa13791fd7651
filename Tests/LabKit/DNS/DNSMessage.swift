// SPDX-License-Identifier: Apache-2.0

/// A query as a ``NameServer`` needs to know it. - RFC 1035 §4.1: Format.
struct DNSQuery {
    let identifier: UInt16
    let recursionDesired: Bool
    let checkingDisabled: Bool
    /// The name in the client's own spelling, as text.
    let name: String
    /// The question section as it came, to be sent back.
    let question: [UInt8]
    let type: DNSType
    /// The UDP size of the client's OPT record; nil without one. - RFC 6891 §6.1.2: Wire format.
    let payloadSize: Int?
    let dnssecOK: Bool

    /// Reads a query; nil for what is none.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 17, bytes[2] & 0xF8 == 0, bytes[4] == 0, bytes[5] == 1 else { return nil }
        identifier = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        recursionDesired = bytes[2] & 0x01 != 0
        checkingDisabled = bytes[3] & 0x10 != 0
        var labels: [String] = []
        var index = 12
        while index < bytes.count, bytes[index] != 0 {
            let length = Int(bytes[index])
            guard length < 64, index + 1 + length < bytes.count else { return nil }
            labels.append(String(decoding: bytes[(index + 1)...(index + length)], as: UTF8.self))
            index += length + 1
        }
        guard index + 5 <= bytes.count else { return nil }
        name = labels.joined(separator: ".")
        type = DNSType(UInt16(bytes[index + 1]) << 8 | UInt16(bytes[index + 2]))
        question = Array(bytes[12..<(index + 5)])
        let opt = Array(bytes[(index + 5)...])
        if opt.count >= 11, opt[0] == 0, opt[1] == 0, opt[2] == 41 {
            payloadSize = Int(opt[3]) << 8 | Int(opt[4])
            dnssecOK = opt[7] & 0x80 != 0
        } else {
            payloadSize = nil
            dnssecOK = false
        }
    }
}

/// A response under construction.
struct DNSResponse {
    enum Code: UInt8 { case noError = 0, formatError = 1, serverFailure = 2, noSuchName = 3, refused = 5 }

    var code = Code.noError
    var truncated = false
    /// Owner and data of each answer, in order.
    var answers: [(name: String, record: DNSRecord)] = []
    /// The zone whose SOA goes into the authority section of a negative answer.
    var authority: String?

    /// The wire form; over `limit` octets only the question goes out, marked as truncated.
    func encode(for query: DNSQuery, ttl: UInt32, limit: Int) -> [UInt8] {
        let full = encode(query, ttl: ttl, empty: truncated)
        return full.count <= limit ? full : encode(query, ttl: ttl, empty: true)
    }

    private func encode(_ query: DNSQuery, ttl: UInt32, empty: Bool) -> [UInt8] {
        let answers = empty ? [] : self.answers
        let authority = empty ? nil : self.authority
        var flags: UInt16 = 0x8000 | UInt16(code.rawValue)
        if authority != nil || !answers.isEmpty { flags |= 0x0400 }
        if empty { flags |= 0x0200 }
        // Recursion available: libunbound takes this server for a forwarder only with it.
        if query.recursionDesired { flags |= 0x0180 }
        if query.checkingDisabled { flags |= 0x0010 }
        let counts: [UInt16] = [1, UInt16(answers.count), authority == nil ? 0 : 1, query.payloadSize == nil ? 0 : 1]
        var bytes = query.identifier.octets + flags.octets + counts.flatMap(\.octets) + query.question
        for (name, record) in answers { bytes += Self.encode(name, record.type, ttl, record.data) }
        if let authority { bytes += Self.encode(authority, .soa, ttl, Self.startOfAuthority(authority, ttl)) }
        if query.payloadSize != nil {
            bytes += [0] + DNSType.opt.number.octets + UInt16(1232).octets + [0, 0, query.dnssecOK ? 0x80 : 0, 0, 0, 0]
        }
        return bytes
    }

    private static func encode(_ name: String, _ type: DNSType, _ ttl: UInt32, _ data: [UInt8]) -> [UInt8] {
        DNSName.wire(name) + type.number.octets + [0, 1] + ttl.octets + UInt16(data.count).octets + data
    }

    private static func startOfAuthority(_ zone: String, _ ttl: UInt32) -> [UInt8] {
        let times: [UInt32] = [1, 3600, 600, 86_400, ttl]
        return DNSName.wire("ns.\(zone)") + DNSName.wire("hostmaster.\(zone)") + times.flatMap(\.octets)
    }
}
