// SPDX-License-Identifier: Apache-2.0
import Processes

/// Postfix, by its own programs.
package struct PostfixControl: MTAControl {
    package let name = "Postfix"
    package let files: [String]
    private let postconf: Program
    private let postmap: Program
    private let reload: Program

    /// - Parameters:
    ///   - main: the path of main.cf.
    ///   - postconf: with its `-c`, as the two others.
    package init(main: String, postconf: Program, postmap: Program, reload: Program) {
        files = [main]
        self.postconf = postconf
        self.postmap = postmap
        self.reload = reload
    }

    package func change(_ plan: SetupPlan) async throws {
        try await postconf.with(["-e"] + plan.mta.map(\.line)).carryOut()
    }

    package func restart() async throws { try await reload.carryOut() }

    package func ask(map: String, for domain: String) async throws {
        let said = try await postmap.with(["-q", domain, map]).said()
        // Without an answer, which is right here, postmap ends with 1 and says nothing.
        guard said.status <= 1, said.errors.isEmpty else {
            throw SetupError("the policy map does not answer: \(said.words)")
        }
    }
}

extension Program {
    fileprivate func with(_ more: [String]) -> Program {
        Program(path, arguments + more, environment: environment)
    }
}
