// SPDX-License-Identifier: Apache-2.0
import Sockets

/// Where the MTA tells how its deliveries went.
package struct IntakeSettings: Sendable, Hashable {
    /// A log that is followed.
    package enum Log: Sendable, Hashable {
        case journal
        case file(String)
    }

    /// Path of the TLSRPT datagram socket; nil for none.
    package var datagramSocket: String?
    package var datagramSocketMode = UnixSocket.defaultMode
    package var datagramSocketGroup: String?
    package var postfixLog: Log?
    package var sendmailLog: Log?

    package init() {}

    /// Whether the MTA tells of its sessions at all.
    package var isAny: Bool { datagramSocket != nil || readsLog }
    package var readsLog: Bool { postfixLog != nil || sendmailLog != nil }
}
