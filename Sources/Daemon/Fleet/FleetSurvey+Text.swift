// SPDX-License-Identifier: Apache-2.0
import Fleet

extension FleetSurvey {
    /// A machine that says nothing for longer is looked after.
    private static let longestSilence: Int64 = 300

    /// Whether every machine was heard of lately, and no day is stuck.
    package var isWell: Bool {
        machines.allSatisfy { $0.silentSeconds <= Self.longestSilence } && days.allSatisfy { $0.trouble == nil }
    }

    /// For a terminal.
    package var lines: [String] {
        var table = TextTable(["MACHINE", "VERSION", ">LAST WORD", "CLOSED THROUGH", ">WAITING", ""])
        for machine in machines {
            table.add([
                machine.host, machine.version, "\(machine.silentSeconds) s ago", machine.closedThrough ?? "-",
                "\(machine.batchesWaiting)", machine.silentSeconds > Self.longestSilence ? "SILENT" : "",
            ])
        }
        var all = ["tables of version \(version), machines: \(machines.count)"] + table.lines
        guard !days.isEmpty else { return all }
        table = TextTable(["DAY", ">BATCHES", ">SESSIONS", "REPORTS"])
        for day in days {
            let reports =
                day.trouble ?? day.owner.map { "\($0) works on them" } ?? (day.isEnded ? "made" : "not made yet")
            table.add([day.day, "\(day.batches)", "\(day.sessions)", reports])
        }
        all += table.lines
        return all
    }
}
