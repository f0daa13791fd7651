// SPDX-License-Identifier: Apache-2.0

/// This machine, as the fleet knows it.
package struct FleetMember: Sendable, Hashable {
    /// The identity of its store, 32 hexadecimal digits.
    package let node: String
    /// Tells the machine from one with a copy of its store; empty where the system gives it no identity.
    package let machine: String
    package let host: String
    /// The program's version.
    package let program: String

    package init(node: String, machine: String, host: String, program: String) {
        self.node = node
        self.machine = machine
        self.host = host
        self.program = program
    }
}
