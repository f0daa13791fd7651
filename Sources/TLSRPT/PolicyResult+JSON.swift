// SPDX-License-Identifier: Apache-2.0

extension PolicyResult: Codable {
    private enum CodingKeys: String, CodingKey {
        case policy, summary
        case failureDetails = "failure-details"
    }

    private enum SummaryKeys: String, CodingKey {
        case successes = "total-successful-session-count"
        case failures = "total-failure-session-count"
    }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        let summary = try members.nestedContainer(keyedBy: SummaryKeys.self, forKey: .summary)
        let counted = try members.decodeIfPresent(CountedFailures.self, forKey: .failureDetails)
        policy = try members.decode(ReportedPolicy.self, forKey: .policy)
        tally = Tally(
            successes: try summary.decodeIfPresent(SessionCount.self, forKey: .successes)?.value ?? 0,
            failures: try summary.decodeIfPresent(SessionCount.self, forKey: .failures)?.value ?? 0,
            details: counted?.details ?? [:])
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

extension ReportedPolicy: Codable {
    private enum CodingKeys: String, CodingKey {
        case type = "policy-type"
        case domain = "policy-domain"
        case strings = "policy-string"
        case mxHosts = "mx-host"
    }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        // The RFC's own example writes one string where its schema asks for an array (erratum 6241).
        self.init(
            type: Registered(try members.decode(String.self, forKey: .type)),
            domain: try members.decodeIfPresent(String.self, forKey: .domain),
            strings: try members.decodeIfPresent(OneOrMany<String>.self, forKey: .strings)?.values ?? [],
            mxHosts: try members.decodeIfPresent(OneOrMany<String>.self, forKey: .mxHosts)?.values ?? [])
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(type.text, forKey: .type)
        try members.encodeIfPresent(domain, forKey: .domain)
        if !strings.isEmpty { try members.encode(strings, forKey: .strings) }
        if !mxHosts.isEmpty { try members.encode(mxHosts, forKey: .mxHosts) }
    }
}

/// All of `failure-details`, summed while they are read: there can be hundreds of thousands.
private struct CountedFailures: Decodable {
    private(set) var details: [FailureDetails: Int] = [:]

    init(from decoder: any Decoder) throws {
        // As in OneOrMany: only what is no array may be a lone value.
        if var list = try? decoder.unkeyedContainer() {
            while !list.isAtEnd { add(try list.decode(CountedFailure.self)) }
        } else {
            add(try CountedFailure(from: decoder))
        }
    }

    private mutating func add(_ failure: CountedFailure) {
        details[failure.details] = saturatingSum(details[failure.details] ?? 0, failure.sessions)
    }
}

/// A member of `failure-details`.
private struct CountedFailure: Codable {
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

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        var details = FailureDetails(type: Registered(try members.decode(String.self, forKey: .type)))
        details.sendingMTAIP = try members.decodeIfPresent(String.self, forKey: .sendingMTAIP)
        details.receivingMXHostname = try members.decodeIfPresent(String.self, forKey: .receivingMXHostname)
        details.receivingMXHelo = try members.decodeIfPresent(String.self, forKey: .receivingMXHelo)
        details.receivingIP = try members.decodeIfPresent(String.self, forKey: .receivingIP)
        details.additionalInformation = try members.decodeIfPresent(String.self, forKey: .additionalInformation)
        details.reasonCode = try members.decodeIfPresent(String.self, forKey: .reasonCode)
        self.details = details
        sessions = try members.decodeIfPresent(SessionCount.self, forKey: .sessions)?.value ?? 0
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
