// SPDX-License-Identifier: Apache-2.0
import Basics
import Milter
import Testing

@Suite("Rules")
struct RuleTests {
    static let origin: Origin = {
        var origin = Origin(daemonName: "ORIGINATING", port: 587, isAuthenticated: true)
        origin.client = IPAddress("192.0.2.7")
        origin.sender = EnvelopeAddress("<s@News.Example.org>")
        return origin
    }()

    /// A rule, and whether it speaks of mail from `origin` to rcpt.example.
    static let table: [(Rule, Bool)] = [
        (Rule(action: .exempt), true),
        (Rule(daemonName: "ORIGINATING", action: .exempt), true),
        (Rule(daemonName: "MTA", action: .exempt), false),
        (Rule(port: 587, action: .exempt), true),
        (Rule(port: 25, action: .exempt), false),
        (Rule(clientNetworks: networks("198.51.100.0/24", "192.0.2.0/24"), action: .exempt), true),
        (Rule(clientNetworks: networks("198.51.100.0/24", "2001:db8::/32"), action: .exempt), false),
        (Rule(authenticated: true, action: .exempt), true),
        (Rule(authenticated: false, action: .exempt), false),
        (Rule(senderDomain: pattern("news.example.org"), action: .exempt), true),
        (Rule(senderDomain: pattern(".example.org"), action: .exempt), true),
        (Rule(senderDomain: pattern("example.org"), action: .exempt), false),
        (Rule(senderDomain: pattern(".news.example.org"), action: .exempt), false),
        (Rule(recipientDomain: pattern("RCPT.example"), action: .exempt), true),
        (Rule(recipientDomain: pattern("other.example"), action: .exempt), false),
        (Rule(port: 587, authenticated: true, recipientDomain: pattern("rcpt.example"), action: .exempt), true),
        (Rule(port: 587, authenticated: false, recipientDomain: pattern("rcpt.example"), action: .exempt), false),
    ]

    @Test("all conditions given must hold", arguments: table)
    func matching(_ rule: Rule, _ expected: Bool) throws {
        #expect(rule.matches(Self.origin, recipientDomain: try DomainName("rcpt.example")) == expected)
    }

    @Test("what the MTA did not say fulfils no condition")
    func nothingSaid() {
        let conditions: [Rule] = [
            Rule(daemonName: "MTA", action: .exempt), Rule(port: 25, action: .exempt),
            Rule(clientNetworks: networks("0.0.0.0/0"), action: .exempt), Rule(authenticated: true, action: .exempt),
            Rule(senderDomain: pattern(".org"), action: .exempt),
            Rule(recipientDomain: pattern(".org"), action: .exempt),
        ]
        for rule in conditions { #expect(!rule.matches(Origin(), recipientDomain: nil)) }
    }

    @Test("the first rule that matches decides")
    func order() {
        let rules = [
            Rule(port: 25, action: .exempt),
            Rule(port: 587, action: .act(onViolation: .log, onUnknown: nil, onUnproven: nil)),
            Rule(action: .act(onViolation: .quarantine, onUnknown: .defer, onUnproven: nil)),
        ]
        #expect(
            rules.action(for: Self.origin, recipientDomain: nil)
                == .act(onViolation: .log, onUnknown: nil, onUnproven: nil))
        #expect(rules.action(for: Origin(port: 25), recipientDomain: nil) == .exempt)
        #expect([Rule]().action(for: Origin(), recipientDomain: nil) == nil)
    }

    @Test("a pattern is a domain name", arguments: ["", ".", "..org", "*.example.org", "a b"])
    func badPattern(_ text: String) {
        #expect(throws: DomainNameError.self) { try DomainPattern(text) }
    }
}

private func networks(_ texts: String...) -> [IPNetwork] { texts.compactMap { IPNetwork($0) } }

private func pattern(_ text: String) -> DomainPattern? {
    let pattern = try? DomainPattern(text)
    #expect(pattern != nil, "\(text)")
    return pattern
}
