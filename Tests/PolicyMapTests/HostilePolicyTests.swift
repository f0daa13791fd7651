// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import PolicyMap
import RuleTables
import TestKit
import Testing

@Suite("Policies that try to say more")
struct HostilePolicyTests {
    @Test("nothing that a domain publishes changes the grammar of an answer", arguments: MapTable.hostileBodies.indices)
    func known(_ index: Int) throws {
        try check(MapTable.hostileBodies[index])
    }

    @Test("and no mixture of it does, in any order and with any octets between", arguments: 0..<40 as Range<UInt64>)
    func random(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10 {
            let count = Int.random(in: 1...60, using: &generator)
            var lines = ["version: STSv1", "mode: enforce", "max_age: 1", "mx: *.example.net"]
            lines += (0..<count).compactMap { _ in MapTable.hostileLines.randomElement(using: &generator) }
            lines.shuffle(using: &generator)
            var octets = Array(
                lines.joined(separator: ["\n", "\r\n", "\n\n"].randomElement(using: &generator) ?? "\n").utf8)
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                octets.insert(
                    .random(in: 0...255, using: &generator), at: .random(in: 0...octets.count, using: &generator))
            }
            try check(String(decoding: octets, as: UTF8.self))
        }
    }

    /// What may stand in an answer about one policy.
    private struct Bounds {
        let matches: Set<String>
        let patterns: [String]
        let lines: [String]

        init(_ policy: Policy, _ hosts: [DomainName]) {
            matches = Set(policy.mx.map { ($0.isWildcard ? "." : "") + $0.domain.ascii })
                .union(hosts.filter(policy.covers).map(\.ascii))
            patterns = policy.mx.map(\.description)
            lines = policy.text.utf8.split { $0 == 0x0A || $0 == 0x0D }.map { spaced($0) }
        }
    }

    private func check(_ body: String) throws {
        guard let policy = try? Policy.read(body.utf8).policy, !policy.mx.isEmpty else { return }
        let cached = CachedPolicy(
            domain: try name("example.com"), id: "1", policy: policy, fetchedAt: UTCTime(secondsSinceEpoch: 0))
        var deep = MapReplySettings()
        deep.depthOnly = .secure
        deep.testingAttributes = true
        let hosts = try ["mx1.example.net", "a.b.example.net", "evil.example.org", "mx0.w7.example.net"].map(name)
        let bounds = Bounds(policy, hosts)
        for set in [MXSet.unneeded, .unknown("timeout"), .known(hosts), .known([])] {
            for form in MapForm.allCases {
                for choices in [MapReplySettings(), deep] {
                    try check(try answer(.enforce(cached, set), form, choices), form, bounds)
                }
            }
        }
        try check(try answer(.testing(cached), .postfixTLSRPT, deep), .postfixTLSRPT, bounds)
    }

    private func check(_ text: String, _ form: MapForm, _ bounds: Bounds) throws {
        if text.hasPrefix("TEMP ") {
            #expect(TemporaryReason.allCases.contains { text.contains($0.rawValue) }, "\(text)")
            return
        }
        let read = try PostfixPolicy(text.utf8)
        #expect(read.level == "may" ? read.value("match") == nil : read.value("servername") == "hostname")
        #expect(bounds.matches.isSuperset(of: read.value("match")?.split(separator: ":").map(String.init) ?? []))
        guard form == .postfixTLSRPT else {
            #expect(read.attributes.map(\.name) == ["match", "servername"])
            #expect(text.hasSuffix(" servername=hostname"))
            return
        }
        #expect(read.value("policy_domain") == "example.com")
        let patterns = read.values("mx_host_pattern")
        #expect(patterns.isEmpty || patterns == bounds.patterns)
        // In the policy's order, none invented.
        var published = bounds.lines[...]
        for line in read.values("policy_string") {
            let place = published.firstIndex(of: spaced(line.utf8))
            #expect(place != nil)
            if let place { published = published[(place + 1)...] }
        }
    }
}

/// White space as Postfix leaves it.
private func spaced(_ line: some Collection<UInt8>) -> String {
    line.split { $0 == 0x20 || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
}
