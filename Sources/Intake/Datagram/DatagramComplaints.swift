// SPDX-License-Identifier: Apache-2.0
import Logging
import Synchronization

/// What is wrong with datagrams, in the log: one line a minute of each kind, whatever comes in.
final class DatagramComplaints: Sendable {
    enum Kind: Sendable, Hashable {
        case refused, odd, tooLong, full, lost, receiveFailed

        fileprivate var message: Logger.Message {
            switch self {
            case .refused: "tlsrpt datagrams: one cannot be read and is not counted"
            case .odd: "tlsrpt datagrams: one is odd, what could be read is counted"
            case .tooLong: "tlsrpt datagrams: one is longer than we take and is not counted"
            case .full:
                "tlsrpt datagrams: more came than could be counted, the MTA is made to wait or lose them: see whether the store is slow"
            case .lost: "tlsrpt datagrams: no room for those that came before the stop, they are not counted"
            case .receiveFailed: "tlsrpt datagrams: cannot receive, trying again"
            }
        }
    }

    /// Between two lines of one kind.
    static let pause = Duration.seconds(60)

    private struct Count {
        var spokenAt: ContinuousClock.Instant
        var kept = 0
    }

    private let logger: Logger
    private let counts = Mutex<[Kind: Count]>([:])

    init(logger: Logger) { self.logger = logger }

    /// - Parameter details: made only for a line that is written.
    func log(
        _ kind: Kind, times: Int = 1, _ details: @autoclosure () -> Logger.Metadata,
        at now: ContinuousClock.Instant = .now
    ) {
        let untold = counts.withLock { counts -> Int? in
            if var count = counts[kind], now < count.spokenAt + Self.pause {
                count.kept += times
                counts[kind] = count
                return nil
            }
            return (counts.updateValue(Count(spokenAt: now), forKey: kind)?.kept ?? 0) + times - 1
        }
        guard let untold else { return }
        var metadata = details()
        if untold > 0 { metadata["more_before"] = "\(untold)" }
        logger.warning(kind.message, metadata: metadata)
    }
}
