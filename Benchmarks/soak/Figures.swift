// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import LabKit

/// Memory and descriptors of the daemon over time.
final class Figures: Sendable {
    struct Sample: Sendable {
        let time: ContinuousClock.Instant
        let kilobytes: Int
        let descriptors: Int
    }

    private let daemon: DaemonProcess
    private let situation: Situation
    private let samples = Locked<[Sample]>([])

    init(daemon: DaemonProcess, situation: Situation) {
        self.daemon = daemon
        self.situation = situation
    }

    func now() throws -> Sample {
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(daemon.processIdentifier)/fd")
        return Sample(time: .now, kilobytes: daemon.residentKilobytes, descriptors: descriptors.count)
    }

    /// Takes a sample a second as long as the daemon lives.
    func start() {
        Thread { [self] in
            while !situation.isStopping {
                let before = situation.now
                do {
                    let sample = try now()
                    if !situation.now.excusesBreak(since: before) { samples.withLock { $0.append(sample) } }
                } catch {
                    // There is none to look at.
                    if !situation.now.excusesBreak(since: before) { print("no figures: \(error)") }
                }
                sleep(1)
            }
        }.start()
    }

    /// The most memory in a part of the time, from 0 to 1; nil if no sample falls there.
    func peak(_ part: ClosedRange<Double>) -> Int? {
        samples.withLock { samples in
            guard let first = samples.first?.time, let last = samples.last?.time, first < last else { return nil }
            return samples.filter { part.contains(($0.time - first) / (last - first)) }.map(\.kilobytes).max()
        }
    }

    var mostDescriptors: Int { samples.withLock { $0.map(\.descriptors).max() ?? 0 } }
}
