// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Testing

@Suite("What was seen of a host is one word")
struct HostStatusTests {
    private static let failure = Failure(.starttlsNotSupported, text: "no STARTTLS")

    private static let rows: [(ProbeResult?, HostStatus, obstacle: String?)] = [
        (.seen(.failing([failure], nil)), .failing, nil), (.seen(.unreachable("no route")), .unreachable, "no route"),
        (.seen(.turnedAway("554")), .turnedAway, "554"), (.seen(.unresolved("SERVFAIL")), .unresolved, "SERVFAIL"),
        (.notTried("no room"), .notTried, "no room"), (nil, .notProbed, nil),
    ]

    @Test("of each result of a probe, and with what kept anybody from seeing more", arguments: rows.indices)
    func status(_ index: Int) throws {
        let (result, status, obstacle) = Self.rows[index]
        let host = MXHost(name: try DomainName("mx.example.org"), preference: 10, port: NextHop.smtpPort)
        var evidence = Evidence()
        if let result { evidence.note(result, of: host) }
        #expect(evidence.status(of: host) == status && evidence.obstacle(of: host) == obstacle)
        #expect(result == nil || result?.status == status)
    }

    @Test("what was seen says more than that a later look was not made")
    func seenBefore() throws {
        let host = MXHost(name: try DomainName("mx.example.org"), preference: 10, port: NextHop.smtpPort)
        var evidence = Evidence()
        evidence.note(.seen(.failing([Self.failure], nil)), of: host)
        evidence.note(.notTried("no room"), of: host)
        #expect(evidence.status(of: host) == .failing && evidence.obstacle(of: host) == nil)
    }
}
