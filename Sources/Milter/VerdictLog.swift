// SPDX-License-Identifier: Apache-2.0
import EventLog
import Logging

/// Writes the lines of the verdicts of one connection: one a verdict, with the queue id.
///
/// Postfix has no queue id yet at the first recipient. Such a line waits until the id is known, or until it is known that
/// there will be none. All is done in buffers that the connection keeps.
struct VerdictLog {
    /// What Postfix writes for a message without a queue id.
    static let noQueueID = "NOQUEUE"
    /// Characters of a queue id.
    static let queueIDLimit = 40
    /// Octets of lines that wait, more than a message without a queue id should have; what is beyond does not wait.
    private static let maxWaitingOctets = 64 << 10

    private let sink: LogSink
    private var line = LogLine()
    /// What follows the queue id, one line behind the other.
    private var waiting = LogLine()
    private var ends: [(octet: Int, level: Logger.Level)] = []

    init(sink: LogSink) { self.sink = sink }

    var isWaiting: Bool { !ends.isEmpty }

    /// - Parameter waits: whether the line waits if there is no queue id yet.
    mutating func write(_ verdict: VerdictLine, queueID: String?, at level: Logger.Level, waits: Bool) {
        guard sink.takes(level) else { return }
        let withLocalPart = sink.takes(.debug)
        guard queueID == nil && waits else {
            begin(queueID)
            verdict.append(to: &line, withLocalPart: withLocalPart)
            return sink.write(line, level)
        }
        verdict.append(to: &waiting, withLocalPart: withLocalPart)
        ends.append((waiting.count, level))
        if waiting.count > Self.maxWaitingOctets { writeWaiting(queueID: nil) }
    }

    /// Writes the lines that wait: the queue id is known, or there will be none.
    mutating func writeWaiting(queueID: String?) {
        guard !ends.isEmpty else { return }
        var start = 0
        for end in ends {
            begin(queueID)
            line.append(start..<end.octet, of: waiting)
            sink.write(line, end.level)
            start = end.octet
        }
        waiting.removeAll()
        ends.removeAll(keepingCapacity: true)
    }

    private mutating func begin(_ queueID: String?) {
        line.begin("verdict")
        line.append("queue_id", queueID ?? Self.noQueueID, limit: Self.queueIDLimit)
    }
}
