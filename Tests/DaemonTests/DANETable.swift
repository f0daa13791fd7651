// SPDX-License-Identifier: Apache-2.0
import Testing

/// Domains whose hosts have TLSA records in every state, and what becomes of their mail.
///
/// Each row is two domains below `danelab` with the same hosts: `NAME` has no MTA-STS policy, `NAME-p` one of mode enforce
/// that names all of them. A Postfix at level `dane` without our map says what is right for `NAME`.
enum DANETable {
    /// What a host shows when STARTTLS begins.
    enum Shown: Sendable, Hashable {
        /// The key that `KEY` in TLSA data stands for, in a certificate of its own making for another name.
        case ownKey
        /// The same key, in a certificate of the laboratory's authority for the host's name.
        case trusted
        /// A certificate for these names, by the authority that `ANCHOR` in TLSA data stands for and nobody else knows.
        case anchored([String])
        /// As above, without names but for the common name, which is the host's.
        case anchoredCommonName
        /// The key that `KEY` stands for, in a certificate for another name that has run out.
        case expiredOwnKey
        /// A certificate for the host's name, in a chain below `ANCHOR` that is as told.
        case chained(Chain)
        /// The host offers no STARTTLS.
        case nothing
    }

    /// What is between a host's certificate and the authority that `ANCHOR` stands for, and what is wrong with it. The
    /// anchor is sent, its own issuer, `ROOT`, is not.
    enum Chain: Sendable, Hashable {
        /// One more authority.
        case deep
        /// The same, the anchor before it.
        case unordered
        /// Behind the anchor comes an authority that issued nothing here: `STRANGER`.
        case withStranger
        case expiredLeaf
        /// The certificate is for clients alone.
        case clientLeaf
        case expiredAuthority
        /// What issued the certificate is no authority.
        case noAuthority
        /// Two authorities, where the upper one may have none below it.
        case tooLong
    }

    /// Where the name of a host leads.
    enum Place: Sendable, Hashable {
        case signed
        /// A signed alias of a name in an unsigned zone.
        case aliasOfUnsigned
        /// A signed alias of a signed name.
        case alias
        /// The name itself is in an unsigned zone.
        case unsigned
        /// An alias, in an unsigned zone, of a signed name.
        case unsignedAlias
        /// The name does not exist, in a signed zone or in an unsigned one.
        case missing, missingUnsigned

        var isNameUnsigned: Bool { [.unsigned, .unsignedAlias, .missingUnsigned].contains(self) }
    }

    struct Host: Sendable {
        let shown: Shown
        /// At the host's own name: usage, selector and matching type, and data. Within the data the words `KEY`,
        /// `ANCHOR`, `ROOT` and `STRANGER` stand for those of certificates.
        var tlsa: [String] = []
        /// At the name that an alias leads to.
        var targetTLSA: [String] = []
        var place = Place.signed
        /// Record types at the host whose signatures do not hold; `TLSA` is at `_25._tcp`.
        var bogus: [String] = []
        /// Nobody answers for its TLSA records.
        var isTLSALame = false
        /// Its TLSA records are below an unsigned delegation.
        var isTLSAUnsigned = false
        var isDown = false
        /// It stands at `::1` alone, and its A record leads nowhere.
        var isIPv6 = false
    }

    /// The level that the policy map answers; the names are those of hosts, counted from 1.
    enum Level: Sendable, Hashable, CustomStringConvertible {
        case daneOnly, dane, notFound, temporary
        case secure([Int])

        var description: String {
            switch self {
            case .daneOnly: "OK dane-only"
            case .dane: "OK dane"
            case .notFound: "NOTFOUND "
            case .temporary: "TEMP"
            case .secure(let hosts): "OK secure match=\(hosts)"
            }
        }
    }

    enum Fate: Sendable, Hashable { case sent, held }

    struct Row: Sendable, CustomTestStringConvertible {
        let section: String
        let name: String
        let hosts: [Host]
        /// Of `NAME`: what Postfix does by itself, and what the map answers. With the map it does the same.
        let alone: Fate
        let open: Level
        /// Of `NAME-p`: what the map answers, what `check` and the milter conclude, and what Postfix does with the map.
        let level: Level
        let verdict: String
        /// What `check` says of each host of `NAME-p`.
        let seen: [String]

        init(
            _ section: String, _ name: String, _ hosts: [Host], alone: Fate, _ open: Level, policy level: Level,
            _ verdict: String, _ seen: String...
        ) {
            self.section = section
            self.name = name
            self.hosts = hosts
            self.alone = alone
            self.open = open
            self.level = level
            self.verdict = verdict
            self.seen = seen
        }

        /// What a milter alone does with mail for `NAME` that judges DANE without a policy: it cannot keep the MTA from one
        /// bad host of several.
        var byMilter: Fate {
            alone == .held || ["bogbothone", "somebad", "somefail", "somebogus"].contains(name) ? .held : .sent
        }

        var fate: Fate { verdict == "conforming" ? .sent : .held }
        var testDescription: String { "\(name) (RFC 7672 §\(section))" }
    }

    static let good = ["3 1 1 KEY"]
    static let wrong = ["3 1 1 \(String(repeating: "0", count: 64))"]
    static let up = Host(shown: .ownKey, tlsa: good)
    private static let down = Host(shown: .ownKey, tlsa: good, isDown: true)
    private static let plainTrusted = Host(shown: .trusted)

    static let rows: [Row] =
        [
            Row("3.1.1", "good", [up], alone: .sent, .daneOnly, policy: .daneOnly, "conforming", "dane"),
            Row(
                "3.1.1", "mismatch", [Host(shown: .trusted, tlsa: wrong)], alone: .held, .daneOnly, policy: .daneOnly,
                "violating", "tlsa-invalid"),
            Row(
                "2.2", "none", [plainTrusted], alone: .sent, .notFound, policy: .secure([1]), "conforming", "pkix"),
        ] + aliases + families + someHosts + unusable + names + failing + associations + anchors

    /// A host whose name is a signed alias.
    private static let aliases: [Row] = [
        Row(
            "2.2.3", "cninsec", [Host(shown: .ownKey, tlsa: good, place: .aliasOfUnsigned)], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.2.3", "cninsecmis", [Host(shown: .trusted, tlsa: wrong, place: .aliasOfUnsigned)], alone: .held,
            .daneOnly, policy: .daneOnly, "violating", "tlsa-invalid"),
        Row(
            "2.2.3", "cninsecnot", [Host(shown: .trusted, place: .aliasOfUnsigned)], alone: .sent, .notFound,
            policy: .secure([1]), "conforming", "pkix"),
        Row(
            "2.2.3", "cninsecbog",
            [Host(shown: .trusted, tlsa: good, place: .aliasOfUnsigned, bogus: ["TLSA"])], alone: .held, .temporary,
            policy: .temporary, "violating", "dnssec-invalid"),
        Row(
            "2.2.3", "cninsecok", [Host(shown: .trusted, tlsa: good, place: .aliasOfUnsigned)], alone: .sent,
            .daneOnly, policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.2.3", "cninsecbad", [Host(shown: .ownKey, tlsa: wrong, place: .aliasOfUnsigned)], alone: .held,
            .daneOnly, policy: .daneOnly, "violating", "tlsa-invalid"),
        Row(
            "2.2.3", "cninsecpkix", [Host(shown: .trusted, tlsa: ["1 1 1 KEY"], place: .aliasOfUnsigned)],
            alone: .sent, .dane, policy: .secure([1]), "conforming", "pkix"),
        Row(
            "2.2.3", "cninsecta",
            [Host(shown: .anchored(["mx1.cninsecta.danelab"]), tlsa: ["2 1 1 ANCHOR"], place: .aliasOfUnsigned)],
            alone: .sent, .daneOnly, policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.2.2", "cninsectgt", [Host(shown: .trusted, targetTLSA: wrong, place: .aliasOfUnsigned)], alone: .sent,
            .notFound, policy: .secure([1]), "conforming", "pkix"),
        // Both names are signed: records at the end of the chain come first.
        Row(
            "2.2.2", "cntgt", [Host(shown: .ownKey, targetTLSA: good, place: .alias)], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.2.2", "cnorig", [Host(shown: .ownKey, tlsa: good, place: .alias)], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.2.2", "cnboth", [Host(shown: .ownKey, tlsa: wrong, targetTLSA: good, place: .alias)], alone: .sent,
            .daneOnly, policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.2.2", "cnbothbad", [Host(shown: .trusted, tlsa: good, targetTLSA: wrong, place: .alias)], alone: .held,
            .daneOnly, policy: .daneOnly, "violating", "tlsa-invalid"),
        Row(
            "2.2.2", "unsigc", [Host(shown: .trusted, targetTLSA: wrong, place: .unsignedAlias)], alone: .sent,
            .notFound, policy: .secure([1]), "conforming", "pkix"),
    ]

    /// Addresses of one family do where those of the other do not validate.
    private static let families: [Row] = [
        Row(
            "2.1.1", "bogaaaa", [Host(shown: .ownKey, tlsa: good, bogus: ["AAAA"])], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.1.1", "bogaaaanot", [Host(shown: .trusted, bogus: ["AAAA"])], alone: .sent, .notFound,
            policy: .secure([1]), "conforming", "pkix"),
        Row(
            "2.1.1", "boga", [Host(shown: .ownKey, tlsa: good, bogus: ["A"], isIPv6: true)], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.1.1", "bogden6", [Host(shown: .ownKey, tlsa: good, bogus: ["NSEC"])], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.1.1", "bogtwo", [Host(shown: .ownKey, tlsa: good, bogus: ["AAAA"]), up], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane", "dane"),
        Row(
            "2.1.1", "bogaaaapkix", [Host(shown: .trusted, tlsa: good, bogus: ["AAAA"])], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
        Row(
            "2.1.1", "bogaalone", [Host(shown: .ownKey, tlsa: good, bogus: ["A"])], alone: .held, .temporary,
            policy: .temporary, "violating", "dnssec-invalid"),
        Row(
            "2.1.1", "bogboth", [Host(shown: .ownKey, tlsa: good, bogus: ["A", "AAAA"])], alone: .held, .temporary,
            policy: .temporary, "violating", "dnssec-invalid"),
        Row(
            "2.1.2", "bogbothone", [Host(shown: .ownKey, tlsa: good, bogus: ["A", "AAAA"]), plainTrusted],
            alone: .sent, .dane, policy: .temporary, "violating", "dnssec-invalid", "pkix"),
    ]

    /// TLSA records on some hosts of a domain.
    private static let someHosts: [Row] = [
        Row(
            "2.2", "someup", [up, plainTrusted], alone: .sent, .dane, policy: .daneOnly, "conforming", "dane", "pkix"),
        Row(
            "2.2", "somedown", [down, plainTrusted], alone: .sent, .dane, policy: .secure([2]), "conforming",
            "unreachable", "pkix"),
        Row(
            "2.2", "someinsecdown", [down, Host(shown: .trusted, place: .unsigned)], alone: .sent, .dane,
            policy: .secure([2]), "conforming", "unreachable", "pkix"),
        Row(
            "2.2", "someunusdown", [down, Host(shown: .trusted, tlsa: ["1 0 1 \(String(repeating: "0", count: 64))"])],
            alone: .sent, .dane, policy: .secure([2]), "conforming", "unreachable", "pkix"),
        Row(
            "2.2", "someselfdown", [down, Host(shown: .ownKey)], alone: .sent, .dane, policy: .secure([2]),
            "violating", "unreachable", "certificate-not-trusted"),
        // The first host would be taken by a certificate that names the second: a policy never overrides DANE.
        Row(
            "2.2", "somebad", [Host(shown: .trusted, tlsa: wrong), plainTrusted], alone: .sent, .dane,
            policy: .daneOnly, "violating", "tlsa-invalid", "pkix"),
        // A host that does not exist gets no mail, whatever is asked of it.
        Row(
            "2.1.1", "somenx", [Host(shown: .nothing, place: .missing), up], alone: .sent, .dane, policy: .daneOnly,
            "conforming", "unreachable", "dane"),
        Row(
            "2.1.1", "somenxi", [Host(shown: .nothing, place: .missingUnsigned), up], alone: .sent, .dane,
            policy: .daneOnly, "conforming", "unreachable", "dane"),
        Row(
            "2.1.2", "somefail", [Host(shown: .trusted, isTLSALame: true), plainTrusted], alone: .sent, .dane,
            policy: .temporary, "unproven", "unresolved", "pkix"),
        Row(
            "2.1.2", "somebogus", [Host(shown: .ownKey, tlsa: good, bogus: ["TLSA"]), plainTrusted], alone: .sent,
            .dane, policy: .temporary, "violating", "dnssec-invalid", "pkix"),
    ]

    /// Secure records of which none can be used.
    private static let unusable: [Row] =
        [
            ("maltacut", "2 0 0 30820102"), ("malta210", "2 1 0 010203"), ("malee300", "3 0 0 010203"),
            ("malee310", "3 1 0 3000"), ("use1", "1 1 1 KEY"), ("use10", "10 1 1 KEY"), ("sel2", "3 2 1 KEY"),
            ("mt5", "3 1 5 KEY"), ("mt1long", "3 1 1 KEYKEY"),
        ].flatMap { name, record in
            [
                Row(
                    "2.2", name, [Host(shown: .ownKey, tlsa: [record])], alone: .sent, .dane, policy: .secure([1]),
                    "violating", "certificate-not-trusted"),
                Row(
                    "2.2", "\(name)pkix", [Host(shown: .trusted, tlsa: [record])], alone: .sent, .dane,
                    policy: .secure([1]), "conforming", "pkix"),
            ]
        } + [
            Row(
                "2.2", "unusnotls", [Host(shown: .nothing, tlsa: ["1 1 1 KEY"])], alone: .held, .dane,
                policy: .secure([1]), "violating", "starttls-not-supported"),
            Row(
                "2.2", "malok", [Host(shown: .ownKey, tlsa: ["2 0 0 30820102", "3 1 1 KEY"])], alone: .sent,
                .daneOnly, policy: .daneOnly, "conforming", "dane"),
            Row(
                "2.2", "maltaok",
                [Host(shown: .anchored(["mx1.maltaok.danelab"]), tlsa: ["2 0 0 30820102", "2 1 1 ANCHOR"])],
                alone: .sent, .daneOnly, policy: .daneOnly, "conforming", "dane"),
        ]

    /// Names in a certificate below a DANE-TA(2) record.
    private static let names: [Row] = [
        Row(
            "3.2.2", "tahost", [Host(shown: .anchored(["mx1.tahost.danelab"]), tlsa: ["2 1 1 ANCHOR"])], alone: .sent,
            .daneOnly, policy: .daneOnly, "conforming", "dane"),
        Row(
            "3.2.2", "tanexthop",
            [Host(shown: .anchored(["tanexthop.danelab", "tanexthop-p.danelab"]), tlsa: ["2 1 1 ANCHOR"])],
            alone: .sent, .daneOnly, policy: .daneOnly, "conforming", "dane"),
        Row(
            "3.2.2", "taother", [Host(shown: .anchored(["other.danelab"]), tlsa: ["2 1 1 ANCHOR"])], alone: .held,
            .daneOnly, policy: .daneOnly, "violating", "tlsa-invalid"),
        // One of the two domains that the host serves.
        Row(
            "3.2.2", "taone", [Host(shown: .anchored(["taone.danelab"]), tlsa: ["2 1 1 ANCHOR"])], alone: .sent,
            .daneOnly, policy: .daneOnly, "violating", "tlsa-invalid"),
        Row(
            "3.2.3", "tawild", [Host(shown: .anchored(["*.tawild.danelab"]), tlsa: ["2 1 1 ANCHOR"])], alone: .sent,
            .daneOnly, policy: .daneOnly, "conforming", "dane"),
        Row(
            "3.2.3", "cnonly", [Host(shown: .anchoredCommonName, tlsa: ["2 1 1 ANCHOR"])], alone: .sent, .daneOnly,
            policy: .daneOnly, "conforming", "dane"),
    ]

    /// TLSA records that cannot be looked up.
    private static let failing: [Row] = [
        Row(
            "2.1.2", "tlsafail", [Host(shown: .ownKey, isTLSALame: true)], alone: .held, .temporary,
            policy: .temporary, "unproven", "unresolved"),
        Row(
            "2.1.2", "tlsafailpkix", [Host(shown: .trusted, isTLSALame: true)], alone: .held, .temporary,
            policy: .temporary, "unproven", "unresolved"),
        Row(
            "2.1.2", "nonebogus", [Host(shown: .trusted, bogus: ["NSEC"])], alone: .held, .temporary,
            policy: .temporary, "violating", "dnssec-invalid"),
        Row(
            "2.2.3", "tlsaunsigned", [Host(shown: .trusted, tlsa: wrong, isTLSAUnsigned: true)], alone: .sent,
            .notFound, policy: .secure([1]), "conforming", "pkix"),
        Row(
            "2.1.2", "tlsabogus", [Host(shown: .ownKey, tlsa: good, bogus: ["TLSA"])], alone: .held, .temporary,
            policy: .temporary, "violating", "dnssec-invalid"),
    ]
}
