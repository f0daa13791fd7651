// SPDX-License-Identifier: Apache-2.0
import CMilter
import Glibc

/// What a client costs that begins a packet and does not end it: a thread of libmilter's for as long as it stays.
enum PartialPackets {
    /// Whether libmilter watches connections that say nothing without a thread for each, as Debian's does. Then its
    /// timeout holds within a packet alone; else also between two commands, for which clients may take an hour.
    private static var isPooled: Bool { dlsym(nil, "mi_pool_controller_init") != nil }

    /// Has libmilter close a connection whose packet does not end, or that does not take a reply, within `limit`, which
    /// is 7210 s otherwise. MTAs write a packet at once. How many connections or threads there may be libmilter lets
    /// nobody say, and many such packets at one time may keep new connections waiting in it: the mode of a Unix socket
    /// keeps those out who would do that.
    static func end(within limit: Duration) {
        guard isPooled else { return }
        _ = smfi_settimeout(Int32(clamping: max(1, limit.components.seconds)))
    }
}
