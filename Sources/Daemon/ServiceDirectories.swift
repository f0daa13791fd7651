// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Logging
import Settings

/// The directories in which the daemon's sockets and its database lie.
///
/// A service manager makes them (`RuntimeDirectory=`, `StateDirectory=`). Where none did, the daemon makes its own: one
/// level below /run or /var/lib, if it may. What lies elsewhere is somebody else's, and owner and group matter there, as in
/// Postfix's queue directory.
struct ServiceDirectories {
    /// What one setting names, and with which rights its directory is made.
    private struct Place {
        let key: String
        let path: String
        let mode: mode_t
    }

    private let places: [Place]
    private let logger: Logger

    init(_ settings: Settings, logger: Logger) {
        var places = [Place(key: "store.path", path: settings.storePath, mode: 0o750)]
        func add(_ key: String, _ path: String?) {
            if let path { places.append(Place(key: key, path: path, mode: 0o755)) }
        }
        add("milter.socket", settings.milter.socket.path)
        add("policy_map.socket", settings.policyMap?.socket.path)
        add("control.socket", settings.controlSocket)
        add("intake.tlsrpt_socket", settings.intake.datagramSocket)
        self.places = places
        self.logger = logger
    }

    /// Makes what is missing, and looks at what is there.
    /// - Throws: what is wrong with the first that no socket can be put into. The store has words of its own.
    func prepare() throws(ServiceDirectoryError) {
        for place in places {
            do throws(ServiceDirectoryError) { try prepare(place) } catch {
                guard place.key == "store.path" else { throw error }
            }
        }
    }

    private func prepare(_ place: Place) throws(ServiceDirectoryError) {
        let directory = Self.parent(of: place.path)
        func fault(_ cause: ServiceDirectoryError.Cause) -> ServiceDirectoryError {
            ServiceDirectoryError(key: place.key, directory: String(directory), cause: cause)
        }
        var status = stat()
        if stat(String(directory), &status) != 0 {
            guard errno == ENOENT else { throw fault(errno == ENOTDIR ? .noDirectory : .notSeen(errno)) }
            guard Settings.ownDirectories.contains(String(Self.parent(of: directory))) else {
                throw fault(.missing(nil))
            }
            guard mkdir(String(directory), place.mode) == 0 || errno == EEXIST else { throw fault(.missing(errno)) }
            // In spite of a narrow umask: the sockets have modes of their own.
            _ = chmod(String(directory), place.mode)
            logger.notice("directory made", metadata: ["directory": "\(printable(directory))", "for": "\(place.key)"])
            return
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw fault(.noDirectory) }
        guard faccessat(AT_FDCWD, String(directory), W_OK | X_OK, AT_EACCESS) == 0 else { throw fault(.closed(errno)) }
    }

    private static func parent(of path: some StringProtocol) -> Substring {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return slash == path.startIndex ? "/" : Substring(path[..<slash])
    }
}

extension ListenAddress {
    /// The path of a Unix socket.
    fileprivate var path: String? { if case .unix(let path) = self { path } else { nil } }
}

/// Why no socket can be put into a directory, and what cures it.
struct ServiceDirectoryError: Error, Hashable, CustomStringConvertible {
    enum Cause: Hashable {
        /// It is not there; with the error number if it could not be made.
        case missing(Int32?)
        /// Something else is there, or above it.
        case noDirectory
        /// Our user may not make files in it.
        case closed(Int32)
        case notSeen(Int32)
    }

    let key: String
    let directory: String
    let cause: Cause

    var description: String {
        let (place, user) = (printable(directory), Self.user)
        let what =
            switch cause {
            case .missing(let code):
                "there is no directory \(place)\(code.map { " and it cannot be made (\(Self.text(of: $0)))" } ?? ""): "
                    + "install -d -o \(user) -m 0755 \(place)"
            case .noDirectory: "\(place) is no directory: move it away"
            case .closed(let code):
                "user \(user) cannot make a socket in \(place) (\(Self.text(of: code))): chown \(user) \(place)"
            case .notSeen(let code):
                "\(place) cannot be looked at (\(Self.text(of: code))): see to the directories above it"
            }
        return "\(key): \(what), or set another \(key)"
    }

    private static func text(of code: Int32) -> String { String(cString: strerror(code)) }

    private static var user: String {
        let number = geteuid()
        return getpwuid(number).map { String(cString: $0.pointee.pw_name) } ?? "\(number)"
    }
}
