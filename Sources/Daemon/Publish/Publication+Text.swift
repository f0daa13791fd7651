// SPDX-License-Identifier: Apache-2.0
import MTASTS

extension Publication {
    /// The policy file. - RFC 8461 §3.2: MTA-STS Policies.
    package var policy: String {
        let lines = ["version: STSv1", "mode: \(mode.rawValue)"] + hosts.map { "mx: \($0)" }
        return (lines + ["max_age: \(Self.maxAge[mode] ?? 0)"]).map { $0 + "\n" }.joined()
    }

    /// The records, in the form of a zone file.
    package var records: String {
        """
        _mta-sts.\(domain.ascii). IN TXT "v=STSv1; id=\(id);"
        _smtp._tls.\(domain.ascii). IN TXT "v=TLSRPTv1; rua=\(destination)"

        """
    }

    /// All of it for a person, with the order in which it is done.
    package var text: String {
        var text = warnings.map { "warning: \($0)\n" }.joined()
        if !warnings.isEmpty { text += "\n" }
        text += "# 1. The policy, at https://mta-sts.\(domain.ascii)/.well-known/mta-sts.txt as text/plain,\n"
        text += "#    with a certificate for mta-sts.\(domain.ascii):\n\n\(policy)\n"
        text += "# 2. The records, once the policy is there:\n\n\(records)\n"
        if destination.hasPrefix("mailto:") { text += "#    Reports come to that address: it must take mail.\n" }
        text += "# \(next)\n"
        return text
    }

    private var next: String {
        switch mode {
        case .testing:
            "3. Read the reports for some weeks. When they tell of no failure: sts-milter publish --mode enforce \(domain.ascii)"
        case .enforce: "3. Each time an MX host changes, change the policy first, and then the id in the record."
        case .none: "3. Senders forget the policy within its max_age: remove records and policy after that."
        }
    }
}
