// SPDX-License-Identifier: Apache-2.0
import Glibc
import Subprocess
import SystemPackage

/// A program of this machine, and the one way in which we start any.
///
/// There is no shell. The program gets its three standard files and nothing else that is open here; no signal is blocked
/// or ignored in it, whatever our threads do; and it leads a process group of its own, by which it is ended together
/// with its children. Every run has a time limit, and what is kept of its words has a limit in octets. The cancellation
/// of a task ends no program: what it was given to do may be past the point of no return.
///
/// ``run(reading:within:outputLimitBytes:)`` is for a program that is asked something, ``prepare(_:within:keptBytes:)`` for
/// one that is handed something.
package struct Program: Sendable, Hashable {
    /// Messages in one language, and nothing of ours that changes what a program does.
    package static let plainEnvironment = ["LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]

    package let path: String
    package let arguments: [String]
    /// All that stands in its environment; nil stands for our own.
    package let environment: [String: String]?

    /// - Parameter path: of the file; no search goes through PATH.
    package init(_ path: String, _ arguments: [String], environment: [String: String]? = Program.plainEnvironment) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
    }
}

/// How a program ended.
package enum ProgramEnd: Sendable, Hashable {
    case exited(Int32)
    /// By a signal that did not come from here.
    case killed(signal: Int32)
    /// It was killed when its time was up.
    case tooLate
    /// Its end could not be watched, for the reason given.
    case unknown(String)
}

/// A program that could not be started, as when there is no such file.
package struct CannotStart: Error, Sendable, Hashable {
    /// Why, in the words of the system.
    package let text: String
}

extension Program {
    /// What Subprocess is told: a group of its own, which is killed as one.
    var configuration: Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)
        ]
        return Configuration(
            executable: .path(FilePath(path)), arguments: Arguments(arguments),
            environment: environment.map { environment in
                .custom(environment.reduce(into: [:]) { $0[Environment.Key(stringLiteral: $1.key)] = $1.value })
            } ?? .inherit,
            platformOptions: options)
    }

    /// Subprocess says of each of them that the file is not found.
    func cannotStart(_ error: any Error) -> CannotStart {
        if access(path, X_OK) != 0 { return CannotStart(text: String(cString: strerror(errno))) }
        guard let error = error as? SubprocessError else { return CannotStart(text: "\(error)") }
        return CannotStart(text: error.underlyingError?.description ?? error.description)
    }

    /// What a status says, of a program that had until `deadline`.
    static func end(_ status: TerminationStatus, by deadline: ContinuousClock.Instant) -> ProgramEnd {
        switch status {
        case .exited(let code): .exited(code)
        case .signaled(SIGKILL) where .now >= deadline: .tooLate
        case .signaled(let signal): .killed(signal: signal)
        }
    }

    /// Does `work` to its end, also when the task is cancelled.
    static func uncancelled<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
        await Task { await work() }.value
    }
}

extension Execution {
    /// Waits for the end of the program, and brings it about for the whole group when time is up.
    func end(within limit: Duration) async {
        // Signal 0 is none: the step is a wait. SIGKILL follows for what lives then.
        await teardown(using: [
            .send(signal: Signal(rawValue: 0), toProcessGroup: true, allowedDurationToNextStep: limit)
        ])
        // Also where its end cannot be watched, so that nobody waits for it without a limit. It is no child of another
        // yet: its number is its own until the run is over.
        try? send(signal: .kill)
    }

    /// Ends it and its children at once.
    func killGroup() { try? send(signal: .kill, toProcessGroup: true) }
}

extension SubprocessOutputSequence {
    /// Reads to the end of the file, or of the program if its children keep the file open, and keeps the first octets.
    /// - Parameter surplus: called when there are more of them.
    func kept(_ limitBytes: Int, surplus: () -> Void = {}) async -> [UInt8] {
        var kept: [UInt8] = []
        do {
            for try await piece in self {
                let room = limitBytes - kept.count
                piece.withUnsafeBytes { kept += $0.prefix(room) }
                if piece.count > room { surplus() }
            }
        } catch {
            // What cannot be read was not said.
        }
        return kept
    }
}
