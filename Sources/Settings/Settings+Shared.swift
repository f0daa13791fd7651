// SPDX-License-Identifier: Apache-2.0
import Basics
import Reporting

extension Settings {
    /// Keys that have to have one value on all machines of a fleet, beside those whose default is made of the host's name. Ways by
    /// which a machine sends, and files of its own, are not among them.
    private static let sharedKeys: Set = [
        "report.spread", "report.dkim_domain", "report.never", "report.only_failures", "report.copy_to",
        "report.retention",
        "fleet.wait",
    ]
    /// Characters of a value past which its hash stands for the rest.
    private static let longestValue = 120

    /// What has to be the same on all machines of a fleet, by the key; empty where this one makes no reports.
    package var sharedByFleet: [String: String] {
        guard reports.isDaily else { return [:] }
        var values = [
            "report.organization_name": reports.reporting.organizationName,
            "report.contact_info": "\(reports.reporting.contact)",
        ]
        for key in Self.keys where Self.sharedKeys.contains(key.key) { values[key.key] = key.text(in: self) ?? "" }
        return values.mapValues { value in
            guard value.count > Self.longestValue else { return value }
            var hash = FNV1a()
            hash.add(value)
            return "\(value.prefix(Self.longestValue))... \(String(hash.value, radix: 16))"
        }
    }
}
