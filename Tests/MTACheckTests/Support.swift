// SPDX-License-Identifier: Apache-2.0
@testable import MTACheck

/// What our settings say, in the tables' rows.
func configured(_ change: (inout ExpectedConfiguration) -> Void = { _ in }) -> ExpectedConfiguration {
    var settings = ExpectedConfiguration(
        milterSocket: .inet(host: "127.0.0.1", port: 8890), waitLimit: .seconds(3))
    settings.enforcement = .milterAndPolicyMap
    settings.mapSocket = .inet(host: "127.0.0.1", port: 8461)
    change(&settings)
    return settings
}

func findings(of facts: PostfixFacts, expecting settings: ExpectedConfiguration) -> [Diagnostic] {
    MTAReport(facts, expecting: settings).findings
}

func topics(_ findings: [Diagnostic]) -> [String] { findings.map { "\($0.severity.rawValue) \($0.topic)" } }
