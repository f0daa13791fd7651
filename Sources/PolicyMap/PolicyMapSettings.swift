// SPDX-License-Identifier: Apache-2.0
import Basics
import Sockets

/// How the policy map listens, waits and answers.
package struct PolicyMapSettings: Sendable, Hashable {
    /// What the documentation tells operators to write into their MTA's configuration.
    package static let defaultNames: [String: MapForm] = [
        "postfix": .postfix, "postfix-tlsrpt": .postfixTLSRPT, "sts": .sendmail,
    ]
    /// Most that the wait limit for Sendmail can be, which itself gives up after 5 s.
    package static let maxSendmailWaitLimit = Duration.seconds(4)
    /// Most that the wait limit for Postfix can be, which itself gives up after 100 s.
    package static let maxWaitLimit = Duration.seconds(90)

    package var socket = ListenAddress.inet(host: "127.0.0.1", port: 8461)
    /// Permissions of a Unix socket.
    package var socketMode = UnixSocket.defaultMode
    /// Group of a Unix socket, by name or number; nil leaves the process's own.
    package var socketGroup: String?
    /// Map names as they stand in the MTA's configuration.
    package var names = defaultNames
    /// What the name of a port in a key stands for.
    package var services = ServicePorts()
    /// Longest wait for an answer to Postfix.
    package var waitLimit = Duration.seconds(30)
    /// Longest wait for an answer to Sendmail.
    package var sendmailWaitLimit = maxSendmailWaitLimit
    /// Connections at one time; each delivery agent of an MTA has one. Past that a new one takes the place of another.
    package var maxConnections = 1000
    /// Lookups that may wait for the network at one time; past that the answer is "try again later".
    package var maxLookups = 2000
    /// A connection on which nothing was asked for this long is closed; Postfix gives up its own after 100 s at most.
    package var idleTimeout = Duration.seconds(120)
    /// Longest time from the first octet of a request to its last; MTAs write a request at once.
    package var requestTimeout = Duration.seconds(10)
    package var choices = MapReplySettings()

    package init() {}

    func waitLimit(for form: MapForm) -> Duration {
        switch form {
        case .postfix, .postfixTLSRPT: min(waitLimit, Self.maxWaitLimit)
        case .sendmail: min(sendmailWaitLimit, Self.maxSendmailWaitLimit)
        }
    }
}
