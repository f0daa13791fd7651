// SPDX-License-Identifier: Apache-2.0

// What is kept of a message as JSON, in the form that `Codable` reads. A busy milter decides a thousand messages a second
// that are kept, and `JSONEncoder` takes as much of the processor for one as the milter does for ten.

extension Explanation.Message {
    /// As JSON.
    var octets: [UInt8] {
        var json = JSONObject(capacity: 256 + 768 * recipients.count)
        json.add("ended", ended)
        json.add("answer", answer)
        json.add("reply", reply)
        json.add("requiresTLS", requiresTLS)
        json.add("recipients", recipients) { $0.write(to: &$1) }
        json.add("omitted", Int64(omitted))
        return json.finished()
    }
}

extension Explanation.Recipients {
    fileprivate func write(to json: inout JSONObject) {
        json.add("domain", domain)
        json.add("nextHops", nextHops)
        json.add("policyDomain", policyDomain)
        json.add("verdict", verdict)
        json.add("action", action)
        json.add("explanation", explanation)
        json.add("reply", reply)
        json.add("rule", rule)
        json.add("isLocalSubmission", isLocalSubmission)
        json.add("enforcement", enforcement)
        json.add("policy", policy) { $0.write(to: &$1) }
        json.add("mxSecure", mxSecure)
        json.add("hosts", hosts) { $0.write(to: &$1) }
        json.add("otherTargets", otherTargets)
    }
}

extension Explanation.PolicySeen {
    fileprivate func write(to json: inout JSONObject) {
        json.add("mode", mode)
        json.add("id", id)
        json.add("source", source)
        json.add("mx", mx)
        json.add("fetched", fetched)
        json.add("expires", expires)
        json.add("ageSeconds", ageSeconds)
    }
}

extension Explanation.Host {
    fileprivate func write(to json: inout JSONObject) {
        json.add("name", name)
        json.add("preference", Int64(preference))
        json.add("port", Int64(port))
        json.add("pattern", pattern)
        json.add("status", status.rawValue)
        json.add("resultType", resultType)
        json.add("text", text)
        json.add("address", address)
        json.add("authentication", authentication)
        json.add("certificateEnds", certificateEnds)
    }
}

extension Explanation.Delivery {
    /// As JSON.
    var octets: [UInt8] {
        var json = JSONObject(capacity: 384)
        json.add("time", time)
        json.add("source", source)
        json.add("domain", domain)
        json.add("host", host)
        json.add("address", address)
        json.add("result", result)
        json.add("reason", reason)
        json.add("verification", verification)
        json.add("refusal", refusal)
        return json.finished()
    }
}

/// An object of JSON in the making. What is nil is left out. - RFC 8259 §4: Objects.
private struct JSONObject {
    private var octets: [UInt8] = []

    init(capacity: Int) {
        octets.reserveCapacity(capacity)
        octets.append(UInt8(ascii: "{"))
    }

    consuming func finished() -> [UInt8] {
        octets.append(UInt8(ascii: "}"))
        return octets
    }

    mutating func add(_ name: StaticString, _ value: String?) {
        guard let value else { return }
        begin(name)
        append(value)
    }

    mutating func add(_ name: StaticString, _ value: Bool?) {
        guard let value else { return }
        begin(name)
        append(value ? "true" : "false" as StaticString)
    }

    mutating func add(_ name: StaticString, _ value: Int64) {
        begin(name)
        octets.append(contentsOf: String(value).utf8)
    }

    mutating func add(_ name: StaticString, _ values: [String]) {
        list(name, values) { $1.append($0) }
    }

    /// - Parameter write: adds what the object of one of them has.
    mutating func add<Value>(_ name: StaticString, _ values: [Value], _ write: (Value, inout JSONObject) -> Void) {
        list(name, values) { $1.object($0, write) }
    }

    mutating func add<Value>(_ name: StaticString, _ value: Value?, _ write: (Value, inout JSONObject) -> Void) {
        guard let value else { return }
        begin(name)
        object(value, write)
    }

    private mutating func object<Value>(_ value: Value, _ write: (Value, inout JSONObject) -> Void) {
        octets.append(UInt8(ascii: "{"))
        write(value, &self)
        octets.append(UInt8(ascii: "}"))
    }

    private mutating func list<Value>(
        _ name: StaticString, _ values: [Value], _ write: (Value, inout JSONObject) -> Void
    ) {
        begin(name)
        octets.append(UInt8(ascii: "["))
        for (place, value) in values.enumerated() {
            if place > 0 { octets.append(UInt8(ascii: ",")) }
            write(value, &self)
        }
        octets.append(UInt8(ascii: "]"))
    }

    private mutating func begin(_ name: StaticString) {
        if octets.last != UInt8(ascii: "{") { octets.append(UInt8(ascii: ",")) }
        octets.append(UInt8(ascii: "\""))
        append(name)
        octets.append(UInt8(ascii: "\""))
        octets.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ text: StaticString) {
        octets.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// A text, escaped where it must be. - RFC 8259 §7: Strings.
    private mutating func append(_ text: String) {
        octets.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            // No early end, so that many octets are looked at by one instruction.
            var odd: UInt8 = 0
            for octet in utf8 { odd |= Self.mustEscape(octet) ? 1 : 0 }
            guard odd != 0 else { return octets.append(contentsOf: utf8) }
            for octet in utf8 {
                if Self.mustEscape(octet) { appendEscaped(octet) } else { octets.append(octet) }
            }
        }
        octets.append(UInt8(ascii: "\""))
    }

    private static func mustEscape(_ octet: UInt8) -> Bool {
        octet < 0x20 || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\")
    }

    private mutating func appendEscaped(_ octet: UInt8) {
        octets.append(UInt8(ascii: "\\"))
        guard octet < 0x20 else { return octets.append(octet) }
        let digits: StaticString = "0123456789abcdef"
        append("u00" as StaticString)
        octets.append(digits.utf8Start[Int(octet >> 4)])
        octets.append(digits.utf8Start[Int(octet & 15)])
    }
}
