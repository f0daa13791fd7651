// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// What the settings are on one machine that have to be the same on all, by their keys: any machine makes the reports of a day.
package struct FleetSettingValues: Sendable, Hashable {
    /// Empty on a machine that makes no reports.
    package let values: [String: String]

    package init(_ values: [String: String]) { self.values = values }

    /// - Parameter text: as a row of the database has it; what cannot be read is of a later version, and tells nothing.
    init(text: String) {
        values = (try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))) ?? [:]
    }

    /// The same text for the same values; empty for none.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard !values.isEmpty, let data = try? encoder.encode(values) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
}

/// A setting that is not the same on all machines.
package struct FleetSettingDifference: Sendable, Hashable, Codable {
    package struct Value: Sendable, Hashable, Codable {
        package let value: String
        /// By name.
        package let hosts: [String]
    }

    package let setting: String
    /// The one that most machines have first.
    package let values: [Value]

    /// What differs, by the names of the settings. A machine that does not tell a setting, since its version does not know it, is
    /// not compared.
    static func all(_ machines: [(host: String, settings: FleetSettingValues)]) -> [FleetSettingDifference] {
        var hosts: [String: [String: [String]]] = [:]
        for machine in machines {
            for (key, value) in machine.settings.values {
                hosts[key, default: [:]][value, default: []].append(machine.host)
            }
        }
        return hosts.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { key, values in
            FleetSettingDifference(
                setting: key,
                values: values.map { Value(value: $0.key, hosts: $0.value.sorted()) }
                    .sorted { ($1.hosts.count, $0.value) < ($0.hosts.count, $1.value) })
        }
    }
}
