// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore

/// An SMTP server that accepts mail as the MX of a domain would, or fails in a way of the test's choice.
package final class MXServer: Sendable {
    private struct State {
        var behaviour: MXBehaviour
        /// Gives the behaviour for each connection by its number, counted from 0.
        var script: (@Sendable (Int) -> MXBehaviour)?
        var scripted = 0
        var messages: [ReceivedMessage] = []
        var serverNames: [String?] = []
        var tlsSessions = 0
        var commands: [String] = []
    }

    /// Where it listens.
    package let address: String
    private let state: Locked<State>
    private let listener: Locked<Listener?>

    /// Listens at once on `address`; port 0 takes any free port.
    package init(address: String, port: Int = 25, behaviour: MXBehaviour) throws {
        self.address = address
        state = Locked(State(behaviour: behaviour))
        listener = Locked(nil)
        let bound = try Listener(address: address, port: port) { [weak self] channel in
            guard let self else { return channel.close() }
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(MXSession(host: self, behaviour: self.next()))
            }
        }
        listener.withLock { $0 = bound }
    }

    package convenience init(address: String, port: Int = 25, hostName: String, credential: Credential?) throws {
        try self.init(
            address: address, port: port, behaviour: MXBehaviour(hostName: hostName, credential: credential))
    }

    package var port: Int { listener.withLock { $0?.port ?? 0 } }

    /// How it behaves from the next connection on.
    package var behaviour: MXBehaviour {
        get { state.withLock { $0.behaviour } }
        set { state.withLock { $0.behaviour = newValue } }
    }

    /// Changes a part of the behaviour in one step.
    package func change(_ change: (inout MXBehaviour) -> Void) { state.withLock { change(&$0.behaviour) } }

    /// Behaves by the number of the connection, counted from 0 from now on: one way to the first who comes, another to
    /// the next. Who connects first is the probe, as a rule.
    package func behave(_ script: @escaping @Sendable (Int) -> MXBehaviour) {
        state.withLock {
            $0.script = script
            $0.scripted = 0
        }
    }

    /// Does this to whoever connects, and has no certificate to show.
    package func strip(_ attacks: MXAttack...) {
        change {
            $0.credential = nil
            $0.attacks = Set(attacks)
        }
    }

    /// Has these faults and no other from the next connection on.
    package func fail(_ faults: MXFault...) { state.withLock { $0.behaviour.faults = Set(faults) } }

    /// What it accepted so far, oldest first.
    package var messages: [ReceivedMessage] { state.withLock { $0.messages } }

    /// Connections accepted so far.
    package var connections: Int { listener.withLock { $0?.connections ?? 0 } }

    /// Connections open now.
    package var openConnections: Int { listener.withLock { $0?.openConnections ?? 0 } }

    /// Sessions in which a command arrived over TLS.
    package var tlsSessions: Int { state.withLock { $0.tlsSessions } }

    /// The host name of each TLS handshake, nil for one without.
    package var serverNames: [String?] { state.withLock { $0.serverNames } }

    /// Every command line it was given, oldest first.
    package var commands: [String] { state.withLock { $0.commands } }

    /// Waits for a message that `condition` holds for.
    package func waitForMessage(
        within timeout: Duration = .seconds(20), where condition: (ReceivedMessage) -> Bool = { _ in true }
    ) async throws -> ReceivedMessage {
        try await Wait.value("message at \(behaviour.hostName)", within: timeout) { messages.first(where: condition) }
    }

    /// Refuses connections until ``start()``, and closes those there are.
    package func stop() { listener.withLock { $0 }?.stop() }

    /// Listens again after ``stop()``.
    package func start() throws { try listener.withLock { $0 }?.start() }

    /// The behaviour for a connection that has just come in.
    private func next() -> MXBehaviour {
        state.withLock { state in
            defer { state.scripted += 1 }
            return state.script?(state.scripted) ?? state.behaviour
        }
    }

    func keep(_ message: ReceivedMessage) { state.withLock { $0.messages.append(message) } }
    func noteHandshake(_ serverName: String?) { state.withLock { $0.serverNames.append(serverName) } }
    func noteTLSSession() { state.withLock { $0.tlsSessions += 1 } }
    func note(command: String) { state.withLock { $0.commands.append(command) } }
}
