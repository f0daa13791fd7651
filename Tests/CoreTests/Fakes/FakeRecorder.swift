// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// What was counted.
final class FakeRecorder: Recorder, Fake {
    struct State { var outcomes: [Outcome] = [] }

    let state = Locked(State())

    func record(_ outcome: Outcome) { state.withLock { $0.outcomes.append(outcome) } }
    func recordConforming(_ judgement: Judgement, at time: UTCTime) {
        if let outcome = Outcome(time: time, judgement) { record(outcome) }
    }
}
