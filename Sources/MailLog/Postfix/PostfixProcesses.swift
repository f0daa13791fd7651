// SPDX-License-Identifier: Apache-2.0

/// The smtp(8) processes whose sessions are followed, by what their lines begin with: host, tag and process number.
struct PostfixProcesses: Sendable, Codable {
    /// Most processes at a time.
    private static let maxCount = 1024
    /// How long a session may go on after its last line, in seconds; older ones are another process of the same number.
    static let maxSilence: Int64 = 3600
    /// How long recipients of a counted session may follow, in seconds: Postfix waits 600 s for the server's last word
    /// (smtp_data_done_timeout).
    private static let maxTail: Int64 = 900
    /// How often old processes are looked for, in seconds of log time.
    private static let sweepInterval: Int64 = 60

    private var table: [String: PostfixProcess] = [:]
    private var swept: Int64 = 0
    /// Where the processes of the last lines are, by the last digits of their numbers. Good until the table's names change.
    private var recent: [Recent] = []

    private struct Recent {
        let name: String
        let index: Dictionary<String, PostfixProcess>.Index
    }

    private enum CodingKeys: String, CodingKey {
        case table = "p"
        case swept = "w"
    }

    init() {}

    /// Takes what a line says.
    /// - Parameter attempts: gets the sessions that it completes, in their order; none for most lines.
    mutating func update(
        with message: PostfixLine, of line: SyslogLine, _ time: Int64, _ proxied: inout PostfixProxied,
        into attempts: inout [PostfixAttempt]
    ) {
        sweep(time)
        let index = index(of: line.process)
        // In place: a process is written to with each of its lines.
        Self.update(&table.values[index], with: message, of: line.host, time, &proxied, &attempts)
    }

    /// Forgets what a process was at.
    mutating func forget(_ name: SyslogOctets) {
        recent.removeAll()
        table[name.text] = nil
    }

    private static func update(
        _ process: inout PostfixProcess, with message: PostfixLine, of host: SyslogOctets, _ time: Int64,
        _ proxied: inout PostfixProxied, _ attempts: inout [PostfixAttempt]
    ) {
        // Far apart in either direction: clocks are set back, too.
        if abs(process.time - time) > maxSilence { process = PostfixProcess() }
        process.time = time
        process.update(with: message, of: host, &proxied, into: &attempts)
    }

    private mutating func index(of octets: SyslogOctets) -> Dictionary<String, PostfixProcess>.Index {
        let slot = Self.slot(octets)
        if slot < recent.count, octets == recent[slot].name { return recent[slot].index }
        let name = octets.text
        if table[name] == nil {
            if table.count >= Self.maxCount { table = table.newerHalf(\.time) }
            table[name] = PostfixProcess()
            recent.removeAll()
        }
        // Just put there, if it was not.
        let index = table.index(forKey: name) ?? table.startIndex
        let found = Recent(name: name, index: index)
        if recent.isEmpty { recent = Array(repeating: found, count: Self.slots) }
        recent[slot] = found
        return index
    }

    private static let slots = 100

    /// The last two digits of a number in brackets.
    private static func slot(_ octets: SyslogOctets) -> Int {
        let end = octets.last == UInt8(ascii: "]") ? octets.count - 1 : octets.count
        let last = octets[end - 1]?.decimalDigit ?? 0
        return (octets[end - 2]?.decimalDigit ?? 0) * 10 + last
    }

    private mutating func sweep(_ time: Int64) {
        guard abs(swept - time) >= Self.sweepInterval else { return }
        swept = time
        recent.removeAll()
        table = table.filter { abs(time - $0.value.time) <= ($0.value.isPending ? Self.maxSilence : Self.maxTail) }
    }
}

extension Dictionary where Key == String {
    /// What is left where there was too much: by halves, so that not each line costs a search.
    func newerHalf(_ time: (Value) -> Int64) -> Self {
        // By name within a second: reading again must come to the same.
        let newest = sorted { (time($1.value), $0.key) < (time($0.value), $1.key) }
        return Self(uniqueKeysWithValues: newest.prefix(count / 2).map { ($0.key, $0.value) })
    }
}
