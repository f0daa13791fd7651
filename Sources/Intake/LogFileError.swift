// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Why a log cannot be read now. The caller says so once, and tries again.
package enum LogFileError: Error, Sendable, Hashable {
    case missing
    case notPermitted
    /// What stands there instead, such as "a directory".
    case notAFile(String)
    /// The system's words.
    case other(String)

    init(code: Int32) {
        switch code {
        case ENOENT, ENOTDIR: self = .missing
        case EACCES, EPERM: self = .notPermitted
        default: self = .other(String(cString: strerror(code)))
        }
    }

    init?(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: return nil
        case S_IFDIR: self = .notAFile("a directory")
        case S_IFIFO: self = .notAFile("a named pipe")
        case S_IFSOCK: self = .notAFile("a socket")
        default: self = .notAFile("a device")
        }
    }
}

extension LogFileError: CustomStringConvertible {
    /// What is wrong, and what the operator does about it.
    package var description: String {
        switch self {
        case .missing: "no such file: it is read as soon as it is there; if it has another name, set that"
        case .notPermitted:
            "not permitted: add the daemon's user to the log's group, on Debian: adduser sts-milter adm; then restart"
        case .notAFile(let kind): "\(kind), not a file: have the MTA or syslog write a regular file"
        case .other(let text): "\(text): it is tried again"
        }
    }
}
