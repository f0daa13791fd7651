// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A system call that failed, with its reason.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    package let call: String
    package let code: Int32

    package init(_ call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    /// Whether we ourselves lack something, which says nothing of the peer. No message from the network leads to these.
    package var isShortage: Bool {
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: true
        default: false
        }
    }

    /// Whether a call that has not waited for the network was refused by this machine itself. Of one that has waited
    /// only a shortage is ours: an ICMP message can make it fail with any of the others.
    package var isOurs: Bool {
        guard call == "socket" || call == "connect" else { return isShortage }
        switch code {
        case EADDRNOTAVAIL, EAGAIN, EPERM, EACCES: return true
        default: return isShortage
        }
    }

    /// Whether this machine has no way to the address's network: it is the same for the MTA beside us. To be asked of a
    /// call that has not waited for the network.
    package var isNoRoute: Bool { code == ENETUNREACH || code == EAFNOSUPPORT || code == ENETDOWN }

    package var description: String { "\(call): \(reason)" }

    /// The code in words.
    package var reason: String { Self.text(of: code) }

    package static func text(of code: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
