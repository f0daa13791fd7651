// SPDX-License-Identifier: Apache-2.0
import Basics
import SMTP

/// A session with the MTA up to a recipient, which goes no further; in it the milter must have a connection.
struct TestSession {
    /// A name that has no policy, and whose next hop is nowhere. - RFC 2606 §2: Reserved TLDs.
    static let domain = "setup.invalid"
    /// How long the MTA may take for a reply.
    private static let replyLimit = Duration.seconds(20)
    /// How long it may take to listen again after a restart.
    private static let startLimit = Duration.seconds(20)
    private static let lookInterval = Duration.milliseconds(200)

    let server: (address: IPAddress, port: UInt16)
    let mta: String
    let connections: SetupRun.Connections

    func run() async throws {
        let connector = try Connector()
        defer { connector.shutdown() }
        let stream = try await connect(connector)
        let smtp = SMTPConnection(
            stream, heloName: Self.domain, commandTimeout: Self.replyLimit, deadline: .now + Self.replyLimit * 3)
        _ = try await smtp.greeting()
        _ = try await smtp.hello()
        let sender = try await smtp.command("MAIL FROM:<>")
        _ = try await smtp.command("RCPT TO:<test@\(Self.domain)>")
        let during = await connections() ?? 0
        await smtp.quit()
        await stream.close()
        guard sender.code == 250 else { throw SetupError("\(mta) takes no mail: \(sender.text)") }
        guard during > 0 else {
            throw SetupError("\(mta) does not ask the milter: see its log for \"milter\"")
        }
    }

    private func connect(_ connector: Connector) async throws -> TCPStream {
        let end = ContinuousClock.now + Self.startLimit
        while true {
            do {
                return try await connector.connect(to: server.address, port: server.port, by: .now + Self.replyLimit)
            } catch {
                guard .now < end else { throw SetupError("\(mta) takes no connection: \(error)") }
                try await Task.sleep(for: Self.lookInterval)
            }
        }
    }
}
