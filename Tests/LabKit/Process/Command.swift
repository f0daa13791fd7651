// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestKit

/// Runs the system's programs, each under a deadline.
package enum Command {
    /// What a finished program left behind.
    package struct Result: Sendable {
        /// The exit status; a death by signal is 128 and its number.
        package let status: Int32
        /// Standard output.
        package let output: String
        /// Standard error.
        package let errors: String

        package var succeeded: Bool { status == 0 }
    }

    /// Runs `arguments[0]` (found in PATH) and waits for its end; blocks the calling thread for `timeout` at most.
    ///
    /// A program's own exit code is not an error here: see ``check(_:input:directory:environment:timeout:)``.
    package static func run(
        _ arguments: [String], input: String = "", directory: String? = nil, environment: [String: String] = [:],
        timeout: Duration = .seconds(60)
    ) throws -> Result {
        // Files in place of pipes: a daemon that stays behind keeps a pipe open, and reading it would never end.
        let scratch = try TemporaryDirectory("sts-lab-run")
        let standardInput = try scratch.write("in", input)
        let (output, errors) = (scratch.path + "/out", scratch.path + "/err")
        let child = try ChildProcess(
            arguments, input: standardInput, output: output, errors: errors, directory: directory,
            environment: environment)
        guard let status = child.wait(timeout) else {
            child.signal(SIGKILL)
            _ = child.wait(.seconds(5))
            throw LabError("\(arguments.joined(separator: " ")): no end within \(timeout)")
        }
        return Result(status: status, output: readFile(output), errors: readFile(errors))
    }

    /// As ``run(_:input:directory:environment:timeout:)``, and throws what the program said if it failed.
    @discardableResult
    package static func check(
        _ arguments: [String], input: String = "", directory: String? = nil, environment: [String: String] = [:],
        timeout: Duration = .seconds(60)
    ) throws -> String {
        let result = try run(
            arguments, input: input, directory: directory, environment: environment, timeout: timeout)
        guard result.succeeded else {
            throw LabError(
                "\(arguments.joined(separator: " ")): exit \(result.status): \(result.errors)\(result.output)")
        }
        return result.output
    }
}

extension Duration {
    /// Whole nanoseconds, for NIO.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
