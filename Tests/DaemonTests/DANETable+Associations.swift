// SPDX-License-Identifier: Apache-2.0

/// What TLSA records that can be used may say of a certificate or of who issued it.
extension DANETable {
    /// Usage DANE-EE(3): the certificate itself, whatever else stands in it.
    static let associations: [Row] =
        [
            ("ee00", ["3 0 0 KEY"]), ("ee01", ["3 0 1 KEY"]), ("ee02", ["3 0 2 KEY"]), ("ee10", ["3 1 0 KEY"]),
            ("ee12", ["3 1 2 KEY"]), ("eeseveral", wrong + good), ("pkixbeside", ["1 1 1 KEYKEY"] + wrong + good),
            ("pkixbadbeside", ["1 1 1 \(String(repeating: "0", count: 64))"] + good),
        ].map { name, records in
            Row(
                "3.1.1", name, [Host(shown: .ownKey, tlsa: records)], alone: .sent, .daneOnly, policy: .daneOnly,
                "conforming", "dane")
        } + [
            Row(
                "3.1.1", "eeexpired", [Host(shown: .expiredOwnKey, tlsa: good)], alone: .sent, .daneOnly,
                policy: .daneOnly, "conforming", "dane"),
            Row(
                "3.1.1", "eenotls", [Host(shown: .nothing, tlsa: good)], alone: .held, .daneOnly, policy: .daneOnly,
                "violating", "starttls-not-supported"),
            // What holds by the usage of the Web does not make up for what DANE refuses.
            Row(
                "3.1.3", "pkixgood", [Host(shown: .trusted, tlsa: ["1 1 1 KEY"] + wrong)], alone: .held, .daneOnly,
                policy: .daneOnly, "violating", "tlsa-invalid"),
        ]

    /// Usage DANE-TA(2): an authority above the certificate.
    static let anchors: [Row] =
        [
            ("ta00", "2 0 0 ANCHOR"), ("ta01", "2 0 1 ANCHOR"), ("ta02", "2 0 2 ANCHOR"), ("ta10", "2 1 0 ANCHOR"),
            ("ta12", "2 1 2 ANCHOR"), ("taroot00", "2 0 0 ROOT"), ("taroot10", "2 1 0 ROOT"),
        ].map { name, record in
            Row(
                "3.1.2", name, [Host(shown: .anchored(["mx1.\(name).danelab"]), tlsa: [record])], alone: .sent,
                .daneOnly, policy: .daneOnly, "conforming", "dane")
        }
        + [
            ("tadeep", .deep, "2 1 1 ANCHOR"), ("tadeep10", .deep, "2 1 0 ANCHOR"),
            ("tadeeproot", .deep, "2 1 0 ROOT"), ("taunordered", .unordered, "2 1 1 ANCHOR"),
            ("tastranger", .withStranger, "2 1 1 ANCHOR"),
        ].map { (name: String, chain: Chain, record: String) in
            Row(
                "3.1.2", name, [Host(shown: .chained(chain), tlsa: [record])], alone: .sent, .daneOnly,
                policy: .daneOnly, "conforming", "dane")
        }
        + [
            // Only what the host sends can be compared with a digest.
            ("taroot11", .anchored(["mx1.taroot11.danelab"]), "2 1 1 ROOT"),
            ("tastrangeonly", .chained(.withStranger), "2 1 1 STRANGER"),
            // The certificate itself is no authority above it.
            ("taleaf", .trusted, "2 1 1 KEY"),
            ("taexpired", .chained(.expiredLeaf), "2 1 1 ANCHOR"),
            ("taclient", .chained(.clientLeaf), "2 1 1 ANCHOR"),
            ("taoldmiddle", .chained(.expiredAuthority), "2 1 1 ANCHOR"),
            ("tanoauthority", .chained(.noAuthority), "2 1 1 ANCHOR"),
            ("talong", .chained(.tooLong), "2 1 1 ANCHOR"),
        ].map { (name: String, shown: Shown, record: String) in
            Row(
                "3.1.2", name, [Host(shown: shown, tlsa: [record])], alone: .held, .daneOnly, policy: .daneOnly,
                "violating", "tlsa-invalid")
        }
        + [
            Row(
                "3.1.2", "taee", [Host(shown: .chained(.deep), tlsa: ["2 1 1 ANCHOR"] + wrong)], alone: .sent,
                .daneOnly, policy: .daneOnly, "conforming", "dane")
        ]
}
