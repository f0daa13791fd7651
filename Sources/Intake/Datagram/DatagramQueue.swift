// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How many datagrams the kernel holds for a receiver that is not quick enough.
enum DatagramQueue {
    /// Fewer are lost in a burst of deliveries while the machine has other things to do.
    static let enough = 100

    /// What the administrator should know; nil if all is well or nothing can be said.
    static func warning(setting path: String = "/proc/sys/net/unix/max_dgram_qlen") -> String? {
        guard let length = number(in: path), length < enough else { return nil }
        return
            "tlsrpt datagrams: the kernel queues \(length) only, more at one time are lost: set net.unix.max_dgram_qlen = 512 in /etc/sysctl.d, apply it, and restart"
    }

    private static func number(in path: String) -> Int? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var digits = [UInt8](repeating: 0, count: 20)
        let count = read(file, &digits, digits.count)
        guard count > 0 else { return nil }
        return Int(String(decoding: digits.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self))
    }
}
