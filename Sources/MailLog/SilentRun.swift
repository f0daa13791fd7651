// SPDX-License-Identifier: Apache-2.0

/// Sessions in a row that a log does not say a word of TLS about, behind the last one that it did.
///
/// A log whose MTA is told to be quiet looks like mail in the clear, which is a failure of each domain with a policy. Whether
/// that is so shows after a while: most hosts offer TLS, so that a row of sessions without, to different hosts, is not
/// chance. With nine hosts in ten that offer it, five hosts without in a row are one case in a hundred thousand.
///
/// A longer row would report more failures that are none, once the setting has changed. A shorter one, or one to a single
/// host, would hide a host that has lost its TLS, or somebody on the way who takes it away. What it costs to be wrong about a
/// row is little: its further sessions are not counted until the log tells of TLS again.
struct SilentRun: Sendable, Hashable, Codable {
    static let enoughSessions = 10
    static let enoughHosts = 5

    private var sessions = 0
    /// The first of them, each once.
    private var hosts: [String] = []

    private enum CodingKeys: String, CodingKey {
        case sessions = "n"
        case hosts = "h"
    }

    init() {}

    var isEmpty: Bool { sessions == 0 }

    /// - Returns: whether it is no chance any more.
    mutating func add(_ host: String) -> Bool {
        sessions = min(sessions + 1, Self.enoughSessions)
        if hosts.count < Self.enoughHosts, !hosts.contains(host) { hosts.append(host) }
        return sessions >= Self.enoughSessions && hosts.count >= Self.enoughHosts
    }
}
