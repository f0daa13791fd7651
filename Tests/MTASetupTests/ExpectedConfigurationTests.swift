// SPDX-License-Identifier: Apache-2.0
import MTACheck
import MTASetup
import Settings
import Testing

@Suite("What of the settings the MTA has to agree with")
struct ExpectedConfigurationTests {
    private func configured(_ text: String) throws -> ExpectedConfiguration {
        ExpectedConfiguration(
            try Settings(SettingsFile(text: "network.helo_name = \"mta.example.org\"\n" + text, name: "test.toml")))
    }

    @Test("without a trust anchor the map never answers dane-only")
    func trustAnchor() throws {
        #expect(try configured("").putsDANEFirst)
        #expect(try !configured("dns.trust_anchor = \"none\"").putsDANEFirst)
        #expect(try !configured("policy_map.dane = false").putsDANEFirst)
    }

    @Test("without probes nobody greets")
    func heloName() throws {
        #expect(try configured("").heloName?.ascii == "mta.example.org")
        #expect(try configured("probe.enabled = false").heloName == nil)
    }
}
