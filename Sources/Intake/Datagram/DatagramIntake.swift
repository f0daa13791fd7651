// SPDX-License-Identifier: Apache-2.0
import Basics
import Logging

/// Reads what the receiver took, and hands it on to be counted.
package struct DatagramIntake: Sendable {
    /// Different datagrams read before other tasks get a turn.
    private static let turn = 200
    /// Characters of a datagram in the log.
    private static let sampleLimit = 300

    private let receiver: DatagramReceiver

    package init(_ receiver: DatagramReceiver) { self.receiver = receiver }

    /// Reads at each interval, or sooner when much has come in, until the task is cancelled; then stops the receiver and
    /// reads the rest.
    /// - Parameters:
    ///   - keepUp: called after some; reading goes on when it returns, so that it does not outrun what is counted.
    ///   - count: called for each datagram that differs from the others since the last time, with how often it came on the
    ///     day.
    package func run(
        every interval: Duration = .seconds(1), keepUp: @Sendable () async -> Void = {},
        _ count: @Sendable (TLSRPTDatagram, UTCDay, _ times: Int) -> Void
    ) async {
        let clock = Task { [turn = receiver.turn] in
            while !Task.isCancelled {
                try? await Task.sleep(for: interval)
                turn.yield()
            }
        }
        // Ends when the task is cancelled.
        for await _ in receiver.turns { await read(keepUp: keepUp, count) }
        clock.cancel()
        receiver.stop()
        await read(keepUp: keepUp, count)
    }

    /// Reads what came in since the last time.
    package func read(
        keepUp: () async -> Void = {}, _ count: (TLSRPTDatagram, UTCDay, _ times: Int) -> Void
    ) async {
        var read = 0
        for day in receiver.take().days {
            for (payload, times) in day.payloads {
                do throws(DatagramError) {
                    let datagram = try TLSRPTDatagram(payload.octets)
                    if !datagram.remarks.isEmpty {
                        warn(.odd, datagram.remarks.joined(separator: "; "), payload, times)
                    }
                    count(datagram, day.day, times)
                } catch {
                    warn(.refused, error.description, payload, times)
                }
                read += 1
                if read.isMultiple(of: Self.turn) {
                    await keepUp()
                    await Task.yield()
                }
            }
        }
    }

    private func warn(
        _ warning: DatagramWarning, _ cause: String, _ payload: DatagramTable.Payload, _ times: Int
    ) {
        // Octets that are no UTF-8 are shown as U+FFFD, escaped like the rest.
        let start = String(decoding: payload.octets.prefix(Self.sampleLimit), as: UTF8.self)
        receiver.warnings.warn(
            warning, times: times, ["cause": "\(cause)", "datagram": "\(printable(start, limit: Self.sampleLimit))"])
    }
}
