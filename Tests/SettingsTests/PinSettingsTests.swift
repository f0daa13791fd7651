// SPDX-License-Identifier: Apache-2.0
import Settings
import Testing

@Suite("Settings of policies that are not looked up: [[pin]] and [preload]")
struct PinSettingsTests {
    private func read(_ text: String) throws(SettingsError) -> Settings {
        try Settings(SettingsFile(text: text, name: "test.toml"))
    }

    @Test("[[pin]] stands beside [policy] and [[rule]], in any order")
    func blocks() throws {
        let settings = try read(
            """
            policy.absent_for = "9m"
            [[pin]]   # partners
            domain = "Example.org"
            mode = "enforce"
            mx = ["mx.example.org", "*.example.net"]
            [[rule]]
            port = 587
            exempt = true
            [[pin]]
            domain = "broken.example"
            subdomains = true
            mode = "none"
            until = "2999-12-31"
            reason = "ticket 7"
            """)
        #expect(settings.policyCache.absentFor == .seconds(540))
        #expect(settings.milter.rules.count == 1)
        let all = settings.localPolicies.all
        #expect(all.map(\.domain.ascii) == ["broken.example", "example.org"])
        #expect(all[0].includesSubdomains && all[0].until?.description == "2999-12-31" && all[0].reason == "ticket 7")
        #expect(all[1].policy.mx.map(\.description) == ["mx.example.org", "*.example.net"])
        #expect(settings.warnings.isEmpty)
        let beside = try read("[policy]\nabsent_for = \"9m\"\n[[pin]]\ndomain = \"a.example\"\nmode = \"none\"\n")
        #expect(beside.policyCache.absentFor == .seconds(540))
        #expect(beside.localPolicies.all.count == 1)
        #expect(beside.warnings.first?.line == 5)
    }

    static let good = "[[pin]]\ndomain = \"a.example\"\nmode = \"none\"\nuntil = \"2999-01-01\"\n"

    @Test(
        "what is wrong is named with its line and the cure",
        arguments: [
            ("[[pin]]\nmode = \"none\"\n", "test.toml:1: pin.domain: missing"),
            (good + "[[pin]]\ndomain = \"b..example\"\nmode = \"none\"\n", "test.toml:6: pin.domain: 'b..example'"),
            (good + "[[pin]]\ndomain = \"b.example\"\n", "test.toml:5: pin.mode: missing"),
            (good + "[[pin]]\ndomain = \"b.example\"\nmode = \"strict\"\n", "test.toml:7: pin.mode: must be"),
            (good + "[[pin]]\ndomain = \"b.example\"\nmode = \"enforce\"\n", "test.toml:5: pin.mx: mode enforce needs"),
            (good + good, "test.toml:6: pin.domain: another block is for a.example"),
            (good + "until = \"x\"\n", "test.toml"),
            ("[[pin]]\ndomain = \"a.example\"\nmode = \"none\"\nuntil = \"2026-02-30\"\n", "test.toml:4: pin.until: "),
            (
                "[[rule]]\nexempt = true\n[[pin]]\ndomain = \"a.example\"\nmode = \"enforce\"\nmx = [\"*\"]\n",
                "test.toml:6: pin.mx: '*'"
            ),
            (good + "refresh_interval = \"1h\"\n", "test.toml:5: pin.refresh_interval: unknown key"),
            ("[preload]\nsource = \"http://a.example/x\"\n", "test.toml:2: preload.source: 'http://a.example/x'"),
            ("[preload]\nsource = \"policy.json\"\n", "write an absolute path"),
            ("[preload]\nsource = \"/x\"\n", "test.toml:2: preload.source: the keys"),
            ("[preload]\nsource = \"/x\"\nkeyring = \"x.gpg\"\n", "test.toml:3: preload.keyring"),
            ("[preload]\nkeyring = \"/x\"\n", "does nothing without preload.source"),
        ])
    func problems(_ text: String, _ expected: String) {
        do {
            _ = try read(text)
            Issue.record("no problem: \(text)")
        } catch {
            #expect(error.description.contains(expected), "\(error)")
        }
    }

    @Test(
        "[[policy]], as it was called before, is named with each line and the new word",
        arguments: [
            (
                "[[policy]]\ndomain = \"a.example\"\nmode = \"none\"\n",
                ["test.toml:1: [[policy]] is now called [[pin]]; write [[pin]] instead"]
            ),
            (
                "[policy]\nabsent_for = \"9m\"\n\n[[policy]] # partners\nmode = \"none\"\n [[ policy ]]\n",
                [
                    "test.toml:4: [[policy]] is now called [[pin]]; write [[pin]] instead",
                    "test.toml:6: [[policy]] is now called [[pin]]; write [[pin]] instead",
                ]
            ),
            (
                "[[policy]]\n[[pin]]\nmode = \"none\"\n",
                [
                    "test.toml:1: [[policy]] is now called [[pin]]; write [[pin]] instead",
                    "test.toml:2: pin.domain: missing; write the policy domain such as \"example.org\"",
                ]
            ),
        ])
    func oldName(_ text: String, _ expected: [String]) throws {
        let error = try #require(throws: SettingsError.self) { try read(text) }
        #expect(error.problems.map(\.description) == expected)
    }

    @Test("the table [policy] and a text that looks like a block are not taken for one")
    func notOldName() throws {
        let text = "[policy]\nabsent_for = \"9m\"\n[report]\norganization_name = \"\"\"\n[[policy]]\n\"\"\"\n"
        #expect(try read(text).reports.reporting.organizationName == "[[policy]]\n")
    }

    @Test("a pin that has ended is a warning")
    func ended() throws {
        let settings = try read("[[pin]]\ndomain = \"a.example\"\nmode = \"none\"\nuntil = \"2020-01-01\"\n")
        #expect(
            settings.warnings.map(\.description) == [
                "test.toml:4: pin.until: a.example: has passed, the block does nothing"
            ])
    }

    @Test("[preload] gives source, signature and keys")
    func preload() throws {
        #expect(try read("").preload == nil)
        let preload = try #require(
            try read("[preload]\nsource = \"https://l.example/p.json\"\nkeyring = \"/k.gpg\"\nearly_adopter = true\n")
                .preload)
        #expect(preload.signature == .url("https://l.example/p.json.asc"))
        #expect(preload.interval == .seconds(86_400))
        #expect(preload.earlyAdopter)
        let other = try #require(
            try read(
                "[preload]\nsource = \"/l/p.json\"\nsignature = \"https://l.example/s\"\nkeyring = \"/k\"\ninterval = \"1h\"\n"
            ).preload)
        #expect(other.source == .file("/l/p.json") && other.signature == .url("https://l.example/s"))
        #expect(other.interval == .seconds(3600))
    }

    @Test("the example shows every key, and can be read as it is")
    func example() throws {
        let example = exampleSettings()
        for setting in PinBlock.keys { #expect(example.contains("#\(setting.name) = ")) }
        #expect(example.contains("# [[pin]]") && example.contains("[preload]"))
        _ = try read(example)
    }
}
