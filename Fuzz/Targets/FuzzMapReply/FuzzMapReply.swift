// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import PolicyMap

/// A policy body behind one octet of choices: whatever it holds, the answer has the attributes that we mean to send, and
/// braces only around strings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMapAnswer(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeBufferPointer(start: data, count: count)
    guard let chosen = octets.first, let policy = try? Policy.read(octets.dropFirst()).policy, !policy.mx.isEmpty,
        let domain = try? DomainName("example.com")
    else { return 0 }
    let form = MapForm.allCases[Int(chosen & 3) % MapForm.allCases.count]
    var choices = MapReplySettings()
    choices.depthOnly = chosen & 4 == 0 ? .temporary : .secure
    choices.testingAttributes = chosen & 8 != 0
    // Hosts that wildcards of the policy cover, by one label and by two.
    let hosts = policy.mx.prefix(8).flatMap { pattern in
        [pattern.domain.child("a"), pattern.domain.child("b")?.child("a")].compactMap(\.self)
    }
    let set: MXSet = chosen & 16 == 0 ? .known(hosts) : chosen & 32 == 0 ? .unknown("timeout") : .unneeded
    let cached = CachedPolicy(domain: domain, id: "1", policy: policy, fetchedAt: UTCTime(secondsSinceEpoch: 0))
    var answer: [UInt8] = []
    MapReply(form, choices).write(
        chosen & 64 == 0 ? .enforce(cached, set) : .testing(cached), of: domain, to: &answer)
    check(answer, form)
    return 0
}

private func check(_ answer: [UInt8], _ form: MapForm) {
    precondition(answer.count <= MapReply.maxOctets)
    precondition(answer.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    guard answer.starts(with: "OK ".utf8) else {
        precondition(answer.starts(with: "TEMP ".utf8) || answer.elementsEqual("NOTFOUND ".utf8))
        return
    }
    var parts = answer.dropFirst(3)[...]
    var names: [String] = []
    while !parts.isEmpty {
        if parts.starts(with: "{ policy_string = ".utf8) {
            guard let end = parts.firstIndex(of: UInt8(ascii: "}")) else { preconditionFailure("open brace") }
            precondition(!parts[..<end].dropFirst().contains(UInt8(ascii: "{")))
            precondition(form == .postfixTLSRPT)
            parts = parts[(end + 1)...]
            precondition(parts.isEmpty || parts.first == 0x20)
        } else {
            let token = parts.prefix { $0 != 0x20 }
            precondition(token.allSatisfy { isNameOctet($0) || $0 == UInt8(ascii: "=") })
            precondition(token.count { $0 == UInt8(ascii: "=") } == (names.isEmpty ? 0 : 1))
            names.append(String(decoding: token.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self))
            parts = parts[token.endIndex...]
        }
        parts = parts.dropFirst()
    }
    let expected =
        names.first == "may"
        ? ["may", "policy_type", "policy_domain"]
        : form == .postfixTLSRPT
            ? ["secure", "match", "servername", "policy_type", "policy_domain"] : ["secure", "match", "servername"]
    precondition(names.filter { $0 != "mx_host_pattern" } == expected)
}

private func isNameOctet(_ octet: UInt8) -> Bool {
    (0x61...0x7A).contains(octet) || (0x30...0x39).contains(octet) || ".-_:*".utf8.contains(octet)
}
