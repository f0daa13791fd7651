// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation

/// What was counted, and what was wrong.
final class Findings: Sendable {
    private struct State {
        var counts: [String: Int] = [:]
        var figures: [(name: String, value: String)] = []
        var violations: [String] = []
        var violationCount = 0
    }

    /// Violations that are told; all are counted.
    private static let told = 20
    private static let width = 46

    private let state = Locked(State())

    func count(_ what: String, _ number: Int = 1) { state.withLock { $0.counts[what, default: 0] += number } }

    func figure(_ name: String, _ value: String) { state.withLock { $0.figures.append((name, value)) } }

    func violation(_ what: String) {
        state.withLock {
            $0.violationCount += 1
            if $0.violations.count < Self.told { $0.violations.append(what) }
        }
    }

    /// Holds one thing in the end, and tells it.
    func check(_ name: String, _ value: String, _ isRight: Bool) {
        figure(name, value + (isRight ? "" : "  WRONG"))
        if !isRight { violation("\(name): \(value)") }
    }

    /// Prints all; false if there was a violation.
    func report() -> Bool {
        let state = state.withLock { $0 }
        func line(_ name: String, _ value: String) {
            print("  \(name.padding(toLength: max(Self.width, name.count), withPad: " ", startingAt: 0)) \(value)")
        }
        print("\nWhat was asked and answered")
        for (name, number) in state.counts.sorted(by: { $0.key < $1.key }) { line(name, "\(number)") }
        print("\nIn the end")
        for (name, value) in state.figures { line(name, value) }
        print("\n\(state.violationCount) violations")
        for violation in state.violations { print("  \(violation)") }
        if state.violationCount > state.violations.count { print("  and more") }
        return state.violationCount == 0
    }
}
