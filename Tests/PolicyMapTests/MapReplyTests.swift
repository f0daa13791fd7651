// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import PolicyMap
import TLSRPT
import Testing

@Suite("Answers of the policy map")
struct MapAnswerTests {
    /// Postfix reads these words as "whatever the MX host is called", which a forged MX record says.
    @Test("a host name that is a keyword of match= is not said", arguments: MapForm.allCases)
    func keywords(_ form: MapForm) throws {
        let mixed = try cached("example.com", mx: ["hostname", "nexthop", "dot-nexthop", "mx.example.com"])
        #expect(try answer(.enforce(mixed, .unneeded), form).hasPrefix("OK secure match=mx.example.com servername="))
        let alone = try cached("example.com", mx: ["hostname"])
        let hosts = [MXSet.unneeded, .known([try name("hostname")]), .only([try name("hostname")])]
        for hosts in hosts { #expect(try answer(.enforce(alone, hosts), form).hasPrefix("TEMP ")) }
    }

    private static let secure = "OK secure match=mx.example.com:.example.net servername=hostname"
    private static let attributes = """
         policy_type=sts policy_domain=example.com mx_host_pattern=mx.example.com mx_host_pattern=*.example.net \
        { policy_string = version: STSv1 } { policy_string = mode: enforce } { policy_string = mx: mx.example.com } \
        { policy_string = mx: *.example.net } { policy_string = max_age: 604800 }
        """
    private static let patterns = ["mx.example.com", "*.example.net"]

    @Test("no policy, undecided and DANE, in each form", arguments: MapForm.allCases)
    func plain(_ form: MapForm) throws {
        #expect(try answer(.notFound, form) == "NOTFOUND ")
        #expect(try answer(.temporary("} ciphers=low"), form) == temporary("} ciphers=low"))
        #expect(try answer(.dane(besides: .notFound), form) == (form == .sendmail ? "NOTFOUND " : "OK dane-only"))
        #expect(
            try answer(.daneWherePresent(besides: .notFound), form) == (form == .sendmail ? "NOTFOUND " : "OK dane"))
    }

    @Test("try again later: domain, hosts and cause first, one line of printable ASCII, as long as Postfix logs it")
    func reasons() throws {
        let long = String(repeating: "x", count: 500)
        let cut = try answer(.temporary("mx.example.com: TLSA lookup: \(long)"), .postfix)
        #expect(cut.hasPrefix("TEMP example.com: mx.example.com: TLSA lookup: xxx") && cut.hasSuffix("x..."))
        #expect(cut.utf8.count == "TEMP ".utf8.count + MapReply.maxReasonOctets)
        let hostile = try answer(.temporary("a\nwarning: \u{1B}[31m\u{E9}\0"), .sendmail)
        #expect(hostile == temporary("a\\x0Awarning: \\x1B[31m\\xC3\\xA9\\x00"))
        // Escapes are not escaped again.
        #expect(try answer(.temporary("a\\x0Ab"), .postfix) == temporary("a\\x0Ab"))
        let hosts = try (1...5).map { try name("mx\($0).a.b.example.net") }
        let policy = try cached(mx: ["*.example.net"])
        #expect(
            try answer(.enforce(policy, .known(hosts)), .postfix)
                == temporary(
                    "no MX host has a name that the policy allows: mx1.a.b.example.net, mx2.a.b.example.net, mx3.a.b.example.net, ..."
                ))
        var reply: [UInt8] = []
        let label = String(repeating: "a", count: 60)
        MapReply(.postfix).write(
            .temporary("DNS query timed out"), of: try name("\(label).\(label).\(label).example"), to: &reply)
        #expect(String(decoding: reply, as: UTF8.self).hasSuffix("...: DNS query timed out"))
    }

    @Test("a Sendmail that may lack DANE is held to the policy beside it")
    func besidesDANE() throws {
        let finding = MapAnswer.dane(besides: .enforce(try cached(mx: ["mx.example.com"]), .unneeded))
        var able = MapReplySettings()
        able.sendmailDoesDANE = true
        #expect(try answer(finding, .sendmail) == "OK secure match=mx.example.com servername=hostname")
        #expect(try answer(finding, .sendmail, able) == "NOTFOUND ")
        #expect(try answer(finding, .postfix, able) == "OK dane-only")
    }

    @Test(
        "a line is one string or none, whatever control character is in it",
        arguments: ["\r", "\u{B}", "\u{C}", "\0", "\u{7F}", "\u{85}", "\u{2028}", "\u{1C}"])
    func controlCharacters(_ control: String) throws {
        let text = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 1\nx: a\(control)mode: none\n"
        let policy = Policy(mode: .enforce, mx: [try MXPattern("mx.example.com")], maxAgeSeconds: 1, text: text)
        #expect(policy.lines.count == 5 && policy.lines.last == "x: a\(control)mode: none")
        let kept = try cached(mx: ["mx.example.com"])
        let finding = CachedPolicy(domain: kept.domain, id: kept.id, policy: policy, fetchedAt: kept.fetchedAt)
        let read = try PostfixPolicy(try answer(.enforce(finding, .unneeded), .postfixTLSRPT).utf8)
        #expect(
            read.values("policy_string") == ["version: STSv1", "mode: enforce", "mx: mx.example.com", "max_age: 1"])
    }

    @Test("of the hosts that a policy covers only some may be used", arguments: MapForm.allCases)
    func someHosts(_ form: MapForm) throws {
        let hosts = MXSet.only([try name("mx1.example.net"), try name("mx9.example.org")])
        for patterns in [Self.patterns, ["mx1.example.net", "mx2.example.net"]] {
            let reply = try answer(.enforce(try cached(mx: patterns), hosts), form)
            #expect(reply.hasPrefix("OK secure match=mx1.example.net servername=hostname"), "\(reply)")
            #expect(reply.contains(" mx_host_pattern=mx1.example.net {") == (form == .postfixTLSRPT), "\(reply)")
            #expect(reply.components(separatedBy: "mx_host_pattern").count == (form == .postfixTLSRPT ? 2 : 1))
        }
        #expect(
            try answer(.enforce(try cached(mx: ["mx2.example.net"]), hosts), form)
                == temporary(TemporaryReason.undecided.rawValue))
    }

    @Test("octet for octet what the MTAs read")
    func exactOctets() throws {
        var deep = MapReplySettings()
        deep.depthOnly = .secure
        let policy = try cached(mx: Self.patterns)
        // Without MX hosts only a Postfix that checks patterns itself can be answered.
        #expect(try answer(.enforce(policy, .unknown("timeout")), .postfixTLSRPT) == Self.secure + Self.attributes)
        let hosts = MXSet.known([try name("mx1.example.net"), try name("a.b.example.net"), try name("mx.example.com")])
        let exact = "OK secure match=mx.example.com:mx1.example.net servername=hostname"
        #expect(try answer(.enforce(policy, hosts), .postfix) == exact)
        #expect(try answer(.enforce(policy, hosts), .sendmail) == exact)
        #expect(try answer(.enforce(policy, hosts), .postfixTLSRPT) == exact + Self.attributes)
        #expect(
            try answer(
                .enforce(try cached(mx: ["*.example.net"]), .known([try name("a.b.example.net")])), .sendmail, deep)
                == "OK secure match=.example.net servername=hostname")
        #expect(netstring(Self.secure).hasPrefix("63:"))
    }

    @Test("names are sorted, lower case, without trailing dot, and once each")
    func orderOfNames() throws {
        let policy = try cached(mx: ["b.example", "A.example.", "b.example"])
        #expect(
            try answer(.enforce(policy, .unneeded), .postfix)
                == "OK secure match=a.example:b.example servername=hostname")
        let tlsrpt = try answer(.enforce(policy, .unneeded), .postfixTLSRPT)
        #expect(
            tlsrpt.contains(
                " mx_host_pattern=b.example mx_host_pattern=a.example mx_host_pattern=b.example { policy_string"))
        // A report shows the policy as it was published.
        #expect(tlsrpt.contains("{ policy_string = mx: A.example. }"))
    }

    @Test(
        "wildcards are answered by the MX hosts that they cover by one label",
        arguments: [
            (["mx1.example.net"], "mx1.example.net"),
            (["mx2.example.net", "mx1.example.net"], "mx1.example.net:mx2.example.net"),
            (["mx1.example.net", "evil.example.org", "example.net", "a.b.example.net"], "mx1.example.net"),
            (["a_b.example.net"], "a_b.example.net"),
        ])
    func wildcards(_ hosts: [String], _ match: String) throws {
        let policy = try cached(mx: ["*.example.net"])
        let known = try hosts.map { try DomainName(mxHost: $0) }
        for form in [MapForm.postfix, .sendmail] {
            #expect(
                try answer(.enforce(policy, .known(known)), form) == "OK secure match=\(match) servername=hostname")
        }
        let tlsrpt = try answer(.enforce(policy, .known(known)), .postfixTLSRPT)
        #expect(tlsrpt.hasPrefix("OK secure match=\(match) servername=hostname policy_type=sts "))
    }

    @Test("MX hosts that match through depth only are temporary unless the operator chose otherwise")
    func depth() throws {
        var deep = MapReplySettings()
        deep.depthOnly = .secure
        let policy = try cached(mx: ["*.example.net"])
        let hosts = MXSet.known([try name("a.b.example.net")])
        for form in MapForm.allCases {
            #expect(
                try answer(.enforce(policy, hosts), form)
                    == temporary("no MX host has a name that the policy allows: a.b.example.net"))
            #expect(
                try answer(.enforce(policy, hosts), form, deep).hasPrefix(
                    "OK secure match=.example.net servername=hostname"))
        }
    }

    @Test("where the MX hosts are not known, wildcards are told to an MTA that takes one label for them")
    func unknownHosts() throws {
        let policy = try cached(mx: ["*.example.net"])
        let why = TemporaryReason.hostsUnknown.rawValue
        for (unknown, text) in [(MXSet.unknown("SERVFAIL"), "\(why): SERVFAIL"), (.unneeded, why)] {
            #expect(try answer(.enforce(policy, unknown), .postfix) == temporary(text))
            let checked = try answer(.enforce(policy, unknown), .postfixTLSRPT)
            #expect(checked.hasPrefix("OK secure match=.example.net servername=hostname policy_type=sts "))
            #expect(checked.contains(" mx_host_pattern=*.example.net "))
            #expect(
                try answer(.enforce(policy, unknown), .sendmail) == "OK secure match=.example.net servername=hostname")
        }
    }

    @Test(
        "testing and failing policies are told on request only, and to Postfix 3.10 only", arguments: MapForm.allCases)
    func optIn(_ form: MapForm) throws {
        var chosen = MapReplySettings()
        chosen.testingAttributes = true
        chosen.policyFailureAttributes = true
        let testing = MapAnswer.testing(try cached(mode: "testing", mx: ["mx.example.com"]))
        let failed = MapAnswer.failed(PolicyFailure(.stsWebPKIInvalid, "expired } ciphers=low {"))
        for finding in [testing, failed] { #expect(try answer(finding, form) == "NOTFOUND ") }
        guard form == .postfixTLSRPT else {
            for finding in [testing, failed] { #expect(try answer(finding, form, chosen) == "NOTFOUND ") }
            return
        }
        #expect(
            try answer(testing, form, chosen) == """
                OK may policy_type=sts policy_domain=example.com mx_host_pattern=mx.example.com \
                { policy_string = version: STSv1 } { policy_string = mode: testing } \
                { policy_string = mx: mx.example.com } { policy_string = max_age: 604800 }
                """)
        #expect(
            try answer(failed, form, chosen)
                == "OK may policy_type=sts policy_domain=example.com policy_failure=sts-webpki-invalid")
    }

    @Test("each type of failure has a word that Postfix knows", arguments: ResultType.allCases)
    func failureWords(_ type: ResultType) throws {
        var chosen = MapReplySettings()
        chosen.policyFailureAttributes = true
        let text = try answer(.failed(PolicyFailure(type, "")), .postfixTLSRPT, chosen)
        #expect(try PostfixPolicy(text.utf8).value("policy_failure") != nil)
    }

    /// A policy that is larger than any that is read.
    private func large(_ patterns: [String]) throws -> CachedPolicy {
        CachedPolicy(
            domain: try name("example.com"), id: "1",
            policy: Policy(unpublished: .enforce, mx: try patterns.map { try MXPattern($0) }),
            fetchedAt: UTCTime(secondsSinceEpoch: 1_767_225_600))
    }

    @Test("what is too long loses strings first, then all patterns, and last the answer")
    func length() throws {
        func patterns(_ count: Int) -> [String] { (0..<count).map { "mx-\($0 + 10_000).rather-long.example" } }
        let whole = try PostfixPolicy(
            try answer(.enforce(try large(patterns(700)), .unneeded), .postfixTLSRPT).utf8)
        #expect(whole.values("policy_string").count == 703)
        let someStrings = try PostfixPolicy(
            try answer(.enforce(try large(patterns(1000)), .unneeded), .postfixTLSRPT).utf8)
        #expect(someStrings.values("mx_host_pattern").count == 1000)
        #expect((1..<1000).contains(someStrings.values("policy_string").count))
        let noPatterns = try PostfixPolicy(
            try answer(.enforce(try large(patterns(2500)), .unneeded), .postfixTLSRPT).utf8)
        #expect(noPatterns.values("mx_host_pattern").isEmpty)
        #expect(noPatterns.value("match")?.split(separator: ":").count == 2500)
        let tooLong = try large(patterns(5000))
        for form in MapForm.allCases {
            #expect(try answer(.enforce(tooLong, .unneeded), form) == temporary(TemporaryReason.tooLong.rawValue))
        }
    }

    @Test("without patterns Postfix would not check the depth of wildcards, so names are listed or nothing is said")
    func lengthOfWildcards() throws {
        let policy = try large((0..<2500).map { "*.w\($0 + 10_000).rather-long.example" })
        #expect(
            try answer(.enforce(policy, .unknown("")), .postfixTLSRPT)
                == temporary(TemporaryReason.hostsUnknown.rawValue))
        let deep = MXSet.known([try name("a.b.w10000.rather-long.example")])
        #expect(
            try answer(.enforce(policy, deep), .postfixTLSRPT)
                == temporary("\(TemporaryReason.depthOnly.rawValue): a.b.w10000.rather-long.example"))
        let known = MXSet.known([try name("a.w10000.rather-long.example")])
        #expect(
            try answer(.enforce(policy, known), .postfixTLSRPT) == """
                OK secure match=a.w10000.rather-long.example servername=hostname policy_type=sts \
                policy_domain=example.com
                """)
    }

    @Test("no failure of ours is permanent or says more than its words", arguments: TemporaryReason.allCases)
    func wording(_ reason: TemporaryReason) {
        var octets: [UInt8] = []
        MapReply.write(reason, to: &octets)
        #expect(octets.starts(with: Array("TEMP ".utf8)))
        #expect(octets.allSatisfy { (0x20...0x7E).contains($0) })
    }
}
