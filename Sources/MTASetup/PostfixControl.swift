// SPDX-License-Identifier: Apache-2.0
import Processes

/// Postfix, by its own programs.
package struct PostfixControl: MTAControl {
    package let name = "Postfix"
    package let files: [String]
    private let postconf: Program
    private let postmap: Program
    private let reloads: [Program]

    /// - Parameters:
    ///   - main: the path of main.cf.
    ///   - postconf: with its `-c`, as the others.
    ///   - reloads: for each Postfix that has to read its configuration.
    package init(main: String, postconf: Program, postmap: Program, reloads: [Program]) {
        files = [main]
        self.postconf = postconf
        self.postmap = postmap
        self.reloads = reloads
    }

    package func change(_ plan: SetupPlan) async throws {
        try await postconf.with(["-e"] + plan.mta.map(\.line)).carryOut()
    }

    /// All of them, also where one cannot.
    package func restart() async throws {
        var failures: [String] = []
        for reload in reloads {
            do { try await reload.carryOut() } catch { failures.append(error.description) }
        }
        if !failures.isEmpty { throw SetupError(failures.joined(separator: "\n")) }
    }

    package func ask(map: String, for domain: String) async throws {
        let said = try await postmap.with(["-q", domain, map]).said()
        // Without an answer, which is right here, postmap ends with 1 and says nothing, but for warnings of what stands in
        // main.cf otherwise.
        guard said.status <= 1, ["fatal:", "error:"].allSatisfy({ said.words.firstRange(of: $0) == nil }) else {
            throw SetupError("\(map) of smtp_tls_policy_maps does not answer: \(said.words)")
        }
    }
}

extension Program {
    fileprivate func with(_ more: [String]) -> Program {
        Program(path, arguments + more, environment: environment)
    }
}
