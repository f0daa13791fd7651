// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// Most sessions of one number: so many of them still have a sum.
private let maxSessions = 1 << 40
/// Kinds of failure of one line: those that a ledger keeps for a domain, and a sum for each result type.
private let maxDetails = 1000
/// Octets of a text about a failure. Texts of policies are bounded by the line.
private let maxTextOctets = 4096
/// Letters of a result type. - RFC 8460 §6.6: IANA "STARTTLS Validation Result Types" Registry.
private let maxTypeOctets = 64

struct HeadText: Codable {
    let version: Int
    let day, node, machine, host: String
    let number: Int64

    enum CodingKeys: String, CodingKey {
        case version = "sts-milter-counts"
        case day, node, machine, host, number
    }

    init(_ head: CountsHead) {
        version = CountsHead.version
        day = "\(head.day)"
        node = head.node
        machine = head.machine
        host = head.host.ascii
        number = head.number
    }

    var head: CountsHead {
        get throws {
            guard version == CountsHead.version else {
                throw CountsEntryError("version \(version), and this program reads \(CountsHead.version) only")
            }
            guard let day = UTCDay(day) else { throw CountsEntryError("'\(printable(self.day, limit: 40))' is no day") }
            guard isIdentity(node, of: 32), machine.isEmpty || isIdentity(machine, of: 16) else {
                throw CountsEntryError("no identity of a machine")
            }
            guard let host = try? DomainName(host) else {
                throw CountsEntryError("'\(printable(self.host, limit: 80))' is no name of a host")
            }
            guard number > 0 else { throw CountsEntryError("a number of the export below 1") }
            return CountsHead(day: day, node: node, machine: machine, host: host, number: number)
        }
    }

    private func isIdentity(_ text: String, of length: Int) -> Bool {
        text.utf8.count == length
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

struct EndText: Codable {
    let end: Int
}

struct LineText: Codable {
    let details: [DetailsText]
    let domain: String
    let failures: Int
    let policy: PolicyText
    let successes: Int

    init(_ line: CountsLine) {
        let tally = line.result.tally
        details = tally.sortedDetails.map { DetailsText($0.details, $0.sessions) }
        domain = line.domain.ascii
        failures = tally.failures
        policy = PolicyText(line.result.policy)
        successes = tally.successes
    }

    var line: CountsLine {
        get throws {
            guard let name = try? DomainName(domain) else {
                throw CountsEntryError("'\(printable(domain, limit: 80))' is no domain")
            }
            guard (0...maxSessions).contains(successes), (0...maxSessions).contains(failures) else {
                throw CountsEntryError("a number of sessions that nobody can have had")
            }
            guard details.count <= maxDetails else {
                throw CountsEntryError("more than \(maxDetails) kinds of failure")
            }
            var tally = Tally(successes: successes, failures: failures)
            for one in details {
                let (kind, sessions) = (try one.details, one.sessions)
                guard tally.details.updateValue(sessions, forKey: kind) == nil else {
                    throw CountsEntryError("a kind of failure stands there twice")
                }
            }
            guard tally.details.values.reduce(0, +) <= failures else {
                throw CountsEntryError("more sessions in the kinds of failure than failed")
            }
            return CountsLine(domain: name, result: PolicyResult(try policy.policy, tally))
        }
    }
}

/// - RFC 8460 §4.4: JSON Report Schema; the names are those of a report.
struct PolicyText: Codable {
    let type: String
    let domain: String?
    let strings, hosts: [String]

    enum CodingKeys: String, CodingKey {
        case type = "policy-type"
        case domain = "policy-domain"
        case strings = "policy-string"
        case hosts = "mx-host"
    }

    init(_ policy: ReportedPolicy) {
        type = policy.type.text
        domain = policy.domain
        strings = policy.strings
        hosts = policy.mxHosts
    }

    var policy: ReportedPolicy {
        get throws {
            guard PolicyType(rawValue: type) != nil else {
                throw CountsEntryError("'\(printable(type, limit: 40))' is no type of a policy")
            }
            guard domain.map({ $0.utf8.count <= maxTextOctets }) ?? true else {
                throw CountsEntryError("a policy's domain is too long")
            }
            return ReportedPolicy(type: Registered(type), domain: domain, strings: strings, mxHosts: hosts)
        }
    }
}

struct DetailsText: Codable {
    let type: String
    let sendingIP, host, helo, ip, reason, info: String?
    let sessions: Int

    enum CodingKeys: String, CodingKey {
        case type = "result-type"
        case sendingIP = "sending-mta-ip"
        case host = "receiving-mx-hostname"
        case helo = "receiving-mx-helo"
        case ip = "receiving-ip"
        case reason = "failure-reason-code"
        case info = "additional-information"
        case sessions = "failed-session-count"
    }

    init(_ details: FailureDetails, _ sessions: Int) {
        type = details.type.text
        sendingIP = details.sendingMTAIP
        host = details.receivingMXHostname
        helo = details.receivingMXHelo
        ip = details.receivingIP
        reason = details.reasonCode
        info = details.additionalInformation
        self.sessions = sessions
    }

    var details: FailureDetails {
        get throws {
            guard !type.isEmpty, type.utf8.count <= maxTypeOctets, type.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { throw CountsEntryError("'\(printable(type, limit: 80))' is no result type") }
            guard (1...maxSessions).contains(sessions) else {
                throw CountsEntryError("a number of sessions that nobody can have had")
            }
            guard [sendingIP, host, helo, ip, reason, info].allSatisfy({ ($0 ?? "").utf8.count <= maxTextOctets })
            else { throw CountsEntryError("a text about a failure has more than \(maxTextOctets) octets") }
            var details = FailureDetails(type: Registered(type))
            details.sendingMTAIP = sendingIP
            details.receivingMXHostname = host
            details.receivingMXHelo = helo
            details.receivingIP = ip
            details.reasonCode = reason
            details.additionalInformation = info
            return details
        }
    }
}
