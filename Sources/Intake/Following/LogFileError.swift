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
    package var description: String {
        switch self {
        case .missing: "no such file"
        case .notPermitted: "not permitted"
        case .notAFile(let kind): "\(kind), not a file"
        case .other(let text): text
        }
    }
    /// What the operator does about a log that is to be followed.
    package var cure: String {
        switch self {
        case .missing: "it is read as soon as it is there; if it has another name, set that"
        case .notPermitted: "add the daemon's user to the log's group and restart, on Debian: adduser sts-milter adm"
        case .notAFile: "let the MTA or syslog write a regular file"
        case .other: "look at the file system; it is tried again"
        }
    }
}
