// SPDX-License-Identifier: Apache-2.0
import Basics
import Fleet

extension FleetSurvey {
    /// A machine that says nothing for longer is looked after.
    private static let longestSilence: Int64 = 300

    /// Whether every machine was heard of lately and has the time and the settings of the others, and no day is stuck.
    package var isWell: Bool {
        machines.allSatisfy { $0.silentSeconds <= Self.longestSilence && !$0.isClockOff } && differences.isEmpty
            && days.allSatisfy { $0.trouble == nil && !$0.isLate }
    }

    /// For a terminal.
    package var lines: [String] {
        var table = TextTable(["MACHINE", "VERSION", ">LAST WORD", "CLOSED THROUGH", ">WAITING", ">CLOCK", ""])
        for machine in machines {
            table.add([
                machine.host, machine.version, "\(machine.silentSeconds) s ago", machine.closedThrough ?? "-",
                "\(machine.batchesWaiting)",
                "\(machine.clockAheadSeconds > 0 ? "+" : "")\(machine.clockAheadSeconds) s",
                machine.silentSeconds > Self.longestSilence ? "SILENT" : machine.isClockOff ? "CLOCK" : "",
            ])
        }
        var all = ["tables of version \(version), machines: \(machines.count)"] + table.lines
        all += differences.map(\.line)
        guard !days.isEmpty else { return all }
        table = TextTable(["DAY", ">BATCHES", ">SESSIONS", "REPORTS"])
        for day in days {
            table.add([day.day, "\(day.batches)", "\(day.sessions)", day.reports])
        }
        all += table.lines
        if !deliveries.isEmpty {
            all.append(
                "deliveries of reports: "
                    + deliveries.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
        }
        if quietSeconds > 0 {
            all.append(
                "nothing is sent for \(quietSeconds) s: the database may have gone back, and machines say what they have sent"
            )
        }
        return all
    }
}

extension FleetSurvey.Machine {
    fileprivate var isClockOff: Bool { abs(clockAheadSeconds) > CountSharing.clockTolerance }
}

extension FleetSettingDifference {
    private static let mostNamed = 3

    fileprivate var line: String {
        "DIFFERS \(printable(setting, limit: 60)): "
            + values.map { value in
                let more = value.hosts.count - Self.mostNamed
                let hosts =
                    value.hosts.prefix(Self.mostNamed).joined(separator: " ") + (more > 0 ? " and \(more) more" : "")
                return "\(printable(value.value, limit: 100)) on \(hosts)"
            }.joined(separator: "; ")
    }
}

extension FleetSurvey.Day {
    private static let mostNamed = 3

    /// What has become of its reports.
    fileprivate var reports: String {
        if let trouble { return trouble }
        if let owner { return "\(owner) works on them" }
        if isEnded { return "made" }
        if let restSeconds { return "made; what came late is added in \(restSeconds) s" }
        let names = awaits.prefix(Self.mostNamed).joined(separator: " ") + (awaits.count > Self.mostNamed ? " ..." : "")
        return (isLate ? "NOT MADE" : "not made yet") + (awaits.isEmpty ? "" : ", not all is there of \(names)")
    }
}
