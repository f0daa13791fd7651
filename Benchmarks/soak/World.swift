// SPDX-License-Identifier: Apache-2.0
import LabKit

/// Domains of which it is known all along what is right.
enum DomainKind: String, CaseIterable, Sendable {
    /// An enforce policy, and a host that keeps it.
    case conforming
    /// An enforce policy, and a host without STARTTLS.
    case violating
    /// No policy.
    case unpoliced
    /// A testing policy, and a host without STARTTLS.
    case testing

    private static let each = 5

    var domains: [String] { (0..<Self.each).map { "\(rawValue)\($0).lab" } }

    /// Whether the milter may say so of a recipient.
    /// - Parameter inDoubt: whether the daemon may be unable to look at routes and hosts.
    func allows(_ verdict: MilterVerdict, inDoubt: Bool) -> Bool {
        switch (self, verdict) {
        case (_, .other): false
        case (.conforming, .accepted), (.violating, .deferred), (.unpoliced, .accepted), (.testing, .accepted): true
        // Unproven: docs/manual/verdicts.md.
        case (.conforming, .deferred): inDoubt
        case (.violating, .accepted), (.unpoliced, .deferred), (.testing, .deferred): false
        }
    }

    /// Whether the policy map may say so.
    func allows(_ answer: MapVerdict, inDoubt: Bool) -> Bool {
        switch (self, answer) {
        case (_, .other): false
        case (.conforming, .enforced), (.violating, .enforced), (.unpoliced, .notFound), (.testing, .notFound): true
        case (.violating, .temporary): true
        // DANE comes first, and is looked up.
        case (.conforming, .temporary), (.unpoliced, .temporary), (.testing, .temporary): inDoubt
        case (.conforming, .notFound), (.violating, .notFound), (.unpoliced, .enforced), (.testing, .enforced): false
        }
    }
}

/// What the milter says of a recipient.
enum MilterVerdict: String, Sendable {
    case accepted, deferred, other

    init(_ reply: MilterClient.Reply) {
        self =
            switch reply.command {
            case "c": .accepted
            case "y" where reply.text.hasPrefix("451 4."): .deferred
            default: .other
            }
    }
}

/// What the policy map answers.
enum MapVerdict: String, Sendable {
    case enforced, notFound, temporary, other

    init(_ answer: String) {
        self =
            switch answer {
            case _ where answer.hasPrefix("OK secure match="): .enforced
            case "NOTFOUND ": .notFound
            case _ where answer.hasPrefix("TEMP "): .temporary
            default: .other
            }
    }
}

/// The domains in a network of their own.
struct World {
    /// Testing policies, so that their sessions are counted from the log beside the datagrams. No mail to them is asked
    /// about, so that nothing else is counted for them.
    static let logged = (0..<5).map { "logged\($0).lab" }
    /// Of which only datagrams tell.
    static let told = (0..<5).map { "told\($0).lab" }
    /// New policies come up for them all the time, and their host takes a second to answer.
    static let cold = (0..<1000).map { "cold\($0).lab" }
    static let slowness = Duration.seconds(1)

    let network: TestNetwork
    /// A certificate of all policy hosts, and one of other names.
    let good: Credential
    let wrong: Credential

    /// Those whose policies are served and change between good and bad.
    static let policed = [DomainKind.conforming, .violating, .testing].flatMap(\.domains) + logged

    init() throws {
        network = try TestNetwork(prefix: "127.33")
        for name in DomainKind.conforming.domains { try network.domain(name) }
        for name in DomainKind.violating.domains { try network.domain(name, plain: true) }
        for name in DomainKind.testing.domains + Self.logged { try network.domain(name, mode: "testing", plain: true) }
        for name in DomainKind.unpoliced.domains {
            try network.mailHost("mx.\(name)", plain: true)
            network.route(name, to: ["mx.\(name)"])
        }
        try network.slowDomains(Self.cold, delay: Self.slowness)
        let hosts = Self.policed.map { "mta-sts.\($0)" }
        good = try network.authority.issue(names: hosts)
        wrong = try network.authority.issue(names: hosts.map { "other.\($0)" })
    }

    /// What the policy host says of a domain while all is well.
    func answer(_ domain: String) -> PolicyAnswer {
        let mode =
            Self.logged.contains(domain) || DomainKind.testing.domains.contains(domain) ? "testing" : "enforce"
        return .policy(mode: mode, mx: ["mx.\(domain)"])
    }
}
