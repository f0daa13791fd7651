// SPDX-License-Identifier: Apache-2.0

extension TestNetwork {
    /// Names that one certificate holds: as many certificates as domains would take minutes to make.
    private static let namesOfOneCertificate = 100

    /// Puts domains into the network that have enforce policies whose host answers late, and MX hosts that have no
    /// address.
    package func slowDomains(_ names: [String], delay: Duration) throws {
        for start in stride(from: 0, to: names.count, by: Self.namesOfOneCertificate) {
            let some = names[start..<min(start + Self.namesOfOneCertificate, names.count)]
            let credential = try authority.issue(names: some.map { "mta-sts.\($0)" })
            for name in some {
                var answer = PolicyAnswer.policy(mode: "enforce", mx: ["mx.\(name)"])
                answer.delay = delay
                self.names.set(name, .mx(10, "mx.\(name)"))
                announce(name, id: "1")
                self.names.set("mta-sts.\(name)", .a(policies.address))
                policies.set("mta-sts.\(name)", answer, credential: credential)
            }
        }
    }

    /// Announces that the domain's policy has this id.
    package func announce(_ domain: String, id: String) {
        names.set("_mta-sts.\(domain)", .txt("v=STSv1; id=\(id);"))
    }
}
