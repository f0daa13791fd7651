// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Why the journal cannot be read now. The caller opens it again later.
enum JournalError: Error, Sendable, Hashable {
    /// There is no journal, or none that this user may read: the library does not tell which.
    case nothingToRead
    case failed(call: String, code: Int32)

    /// Takes what a function of the library returns: negative is an `errno`.
    @discardableResult
    static func check(_ result: Int32, _ call: String) throws(JournalError) -> Int32 {
        guard result < 0 else { return result }
        throw .failed(call: call, code: result == .min ? EIO : -result)
    }
}

extension JournalError: CustomStringConvertible {
    var description: String {
        switch self {
        case .nothingToRead:
            "no journal that may be read: add the daemon's user to its group (adduser sts-milter systemd-journal) and "
                + "restart; or let syslog write a file and set that"
        case .failed(let call, let code): "\(call): \(String(cString: strerror(code)))"
        }
    }
}
