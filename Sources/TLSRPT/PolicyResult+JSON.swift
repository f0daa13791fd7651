// SPDX-License-Identifier: Apache-2.0

extension PolicyResult: Encodable {
    private enum CodingKeys: String, CodingKey {
        case policy, summary
        case failureDetails = "failure-details"
    }

    private enum SummaryKeys: String, CodingKey {
        case successes = "total-successful-session-count"
        case failures = "total-failure-session-count"
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(policy, forKey: .policy)
        var summary = members.nestedContainer(keyedBy: SummaryKeys.self, forKey: .summary)
        try summary.encode(tally.successes, forKey: .successes)
        try summary.encode(tally.failures, forKey: .failures)
        guard !tally.details.isEmpty else { return }
        let counted = tally.sortedDetails.map { CountedFailure(details: $0.details, sessions: $0.sessions) }
        try members.encode(counted, forKey: .failureDetails)
    }
}

extension ReportedPolicy: Encodable {
    private enum CodingKeys: String, CodingKey {
        case type = "policy-type"
        case domain = "policy-domain"
        case strings = "policy-string"
        case mxHosts = "mx-host"
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(type.text, forKey: .type)
        try members.encodeIfPresent(domain, forKey: .domain)
        if !strings.isEmpty { try members.encode(strings, forKey: .strings) }
        if !mxHosts.isEmpty { try members.encode(mxHosts, forKey: .mxHosts) }
    }
}

/// A member of `failure-details`.
private struct CountedFailure: Encodable {
    let details: FailureDetails
    let sessions: Int

    private enum CodingKeys: String, CodingKey {
        case type = "result-type"
        case sendingMTAIP = "sending-mta-ip"
        case receivingMXHostname = "receiving-mx-hostname"
        case receivingMXHelo = "receiving-mx-helo"
        case receivingIP = "receiving-ip"
        case additionalInformation = "additional-information"
        case reasonCode = "failure-reason-code"
        case sessions = "failed-session-count"
    }

    init(details: FailureDetails, sessions: Int) {
        self.details = details
        self.sessions = sessions
    }

    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(details.type.text, forKey: .type)
        try members.encodeIfPresent(details.sendingMTAIP, forKey: .sendingMTAIP)
        try members.encodeIfPresent(details.receivingMXHostname, forKey: .receivingMXHostname)
        try members.encodeIfPresent(details.receivingMXHelo, forKey: .receivingMXHelo)
        try members.encodeIfPresent(details.receivingIP, forKey: .receivingIP)
        try members.encodeIfPresent(details.additionalInformation, forKey: .additionalInformation)
        try members.encodeIfPresent(details.reasonCode, forKey: .reasonCode)
        try members.encode(sessions, forKey: .sessions)
    }
}
