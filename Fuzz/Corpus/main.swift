// SPDX-License-Identifier: Apache-2.0
import Foundation
import RuleTables

// Writes the rows of the rule tables as files, one folder a fuzz target: fuzz-corpus FOLDER
let folder = URL(fileURLWithPath: CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "corpus")

func write(_ inputs: [String], for target: String, as name: String = "row") throws {
    let place = folder.appendingPathComponent(target)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    for (index, input) in inputs.enumerated() {
        try Data(input.utf8).write(to: place.appendingPathComponent("\(name)-\(index)"))
    }
}

let records = RecordTable.valid.map(\.records) + RecordTable.absent + RecordTable.invalid
try write(records.map { $0.joined(separator: "\n") }, for: "Record")
try write(PolicyTable.valid.map(\.body) + PolicyTable.invalid.map(\.body), for: "Policy")
try write(DomainNameTable.valid.map(\.0) + DomainNameTable.invalid.map(\.0), for: "Name")
try write(
    NextHopTable.rows.compactMap(\.host) + MapKeyTable.asked.map(\.0) + MapKeyTable.skipped
        + MapKeyTable.unreadable.map(\.0) + [MapKeyTable.services],
    for: "NextHop")
try write(MapTable.frames.map(\.octets), for: "Netstring")
try write(PreloadTable.texts, for: "PreloadList")
// The first octet chooses form, hosts and settings.
let bodies = PolicyTable.valid.map(\.body) + MapTable.hostileBodies.map { String($0.prefix(4000)) }
try write(bodies.enumerated().map { "\(Character(Unicode.Scalar(UInt8($0 % 128))))\($1)" }, for: "MapReply")

try write(
    DatagramRows.captured + DatagramRows.tolerated.map(\.datagram)
        + DatagramRows.refused.map { String($0.datagram.prefix(4000)) },
    for: "Datagram")
let reportRecords =
    (TLSRPTRecordTable.valid.map(\.0) + TLSRPTRecordTable.unservable.map(\.0)).map { [$0] }
    + TLSRPTRecordTable.absent + TLSRPTRecordTable.invalid
let destinations = (TLSRPTRecordTable.destinations.map(\.0) + TLSRPTRecordTable.refused).map {
    ["v=TLSRPTv1; rua=\($0)"]
}
try write((reportRecords + destinations).map { $0.joined(separator: "\n") }, for: "TLSRPTRecord")
/// The real logs below `path`, whole files, from the project's folder.
func logs(_ path: String, _ ending: String = ".log") throws -> [String] {
    let folder = URL(fileURLWithPath: "Tests/MailLogTests/Logs/\(path)")
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .filter { $0.lastPathComponent.hasSuffix(ending) }.map { try String(contentsOf: $0, encoding: .utf8) }
}

try write(
    ["postfix-3.4", "postfix-3.7", "postfix-3.10", "syslog-formats"].flatMap { try logs($0) }
        + logs("syslog-formats", ".txt"), for: "PostfixLog")
for part in ["plain", "sts", "sts14"] { try write(logs("sendmail-8.17/\(part)"), for: "SendmailLog", as: part) }
