// SPDX-License-Identifier: Apache-2.0
import Basics
import Events
import TLS

/// A TCP connection that speaks in lines and can change to TLS once.
///
/// One dialogue at a time: two reads or two writes at once would mix their octets. It closes itself when it is
/// let go of.
package actor TCPStream {
    package nonisolated let address: IPAddress
    private let socket: Socket
    private let connector: Connector
    private var tls: TLSLayer?
    private var received = LineBuffer()
    private var isClosed = false
    /// Octets that the peer has sent so far, those of TLS included.
    package private(set) var receivedBytes = 0

    init(_ socket: Socket, connector: Connector, to address: IPAddress) {
        self.socket = socket
        self.connector = connector
        self.address = address
    }

    /// The next line without its end, CR LF or LF, of at most `limit` octets.
    package func readLine(limit: Int, by deadline: ContinuousClock.Instant) async throws(StreamError) -> [UInt8] {
        while true {
            if let line = try received.takeLine(limit: limit) { return line }
            received.append(try await receive(by: deadline))
        }
    }

    /// The next line without its end, cut to `limit` octets.
    package func readLine(cutTo limit: Int, by deadline: ContinuousClock.Instant) async throws(StreamError) -> [UInt8] {
        while true {
            if let line = received.takeLine(cutTo: limit) { return line }
            // A peer that never pauses does not outlive the deadline either.
            guard .now < deadline else { throw .timeout }
            received.append(try await receive(by: deadline))
        }
    }

    package func write(_ bytes: [UInt8], by deadline: ContinuousClock.Instant) async throws(StreamError) {
        guard let tls else { return try await send(bytes, by: deadline) }
        do {
            try await drive(tls, by: deadline) { $0.write(bytes) }
        } catch { throw error.asStreamError }
    }

    /// Changes to TLS, whatever the peer's certificate: the session says what is wrong with it.
    package func startTLS(
        _ context: TLSContext, _ options: TLSOptions, by deadline: ContinuousClock.Instant
    ) async throws(TLSFailure) -> TLSSession {
        guard tls == nil else { throw .setup("TLS is up already") }
        guard received.isEmpty else { throw .plaintextAfterSTARTTLS }
        let layer: TLSLayer
        do { layer = try TLSLayer(context, options) } catch { throw .setup(error.text) }
        try await drive(layer, by: deadline) { $0.handshake() }
        tls = layer
        return layer.session()
    }

    /// Ends the connection; a second call does nothing.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        if let tls {
            // The farewell is a courtesy: a peer that does not take it at once goes without.
            _ = tls.shutdown()
            _ = try? socket.send(tls.takeOutput()[...])
        }
        socket.close()
    }

    private func receive(by deadline: ContinuousClock.Instant) async throws(StreamError) -> [UInt8] {
        guard let tls else { return try await receiveRaw(by: deadline) }
        var clear: [UInt8] = []
        do {
            try await drive(tls, by: deadline) { layer in
                let step = layer.read()
                clear = layer.takeClear()
                return step
            }
        } catch { throw error.asStreamError }
        return clear
    }

    /// Repeats a step of TLS, carrying octets to and fro, until it is done.
    private func drive(
        _ layer: TLSLayer, by deadline: ContinuousClock.Instant, _ step: (TLSLayer) -> TLSLayer.Step
    ) async throws(TLSFailure) {
        while true {
            let result = step(layer)
            do {
                // Also after a failure: the peer learns by the alert why we give up.
                let output = layer.takeOutput()
                if !output.isEmpty { try await send(output, by: deadline) }
            } catch {
                if case .failed(let text) = result { throw .handshake(text) }
                throw .stream(error)
            }
            switch result {
            case .done: return
            case .failed(let text): throw .handshake(text)
            case .ended: throw .stream(.closedByPeer)
            case .wantsInput:
                do { layer.feed(try await receiveRaw(by: deadline)) } catch { throw .stream(error) }
            }
        }
    }

    private func receiveRaw(by deadline: ContinuousClock.Instant) async throws(StreamError) -> [UInt8] {
        while true {
            guard !isClosed else { throw .closed }
            do {
                if let bytes = try socket.receive() {
                    guard !bytes.isEmpty else { throw StreamError.closedByPeer }
                    receivedBytes += bytes.count
                    return bytes
                }
            } catch let error as SystemError { throw .system(error) } catch { throw .closedByPeer }
            try await connector.wait(socket, for: .readable, by: deadline)
        }
    }

    private func send(_ bytes: [UInt8], by deadline: ContinuousClock.Instant) async throws(StreamError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard !isClosed else { throw .closed }
            do { rest = rest.dropFirst(try socket.send(rest)) } catch { throw .system(error) }
            if !rest.isEmpty { try await connector.wait(socket, for: .writable, by: deadline) }
        }
    }
}

extension TLSFailure {
    fileprivate var asStreamError: StreamError {
        switch self {
        case .stream(let error): error
        case .handshake(let text), .setup(let text): .tls(text)
        case .plaintextAfterSTARTTLS: .tls(description)
        }
    }
}
