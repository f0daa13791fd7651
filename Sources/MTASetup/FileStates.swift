// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc

/// When a file was changed last, by which make(1) tells what is to be built anew.
struct ModificationTime: Sendable, Hashable, Codable {
    let seconds: Int
    let nanoseconds: Int

    init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }

    /// A file that keeps the present time is built once more, and no worse for it.
    func set(on path: String) {
        let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        utimensat(AT_FDCWD, path, [time, time], 0)
    }
}

/// What files hold at one moment.
struct FileStates: Sendable {
    struct State: Sendable {
        let path: String
        /// Nil for a file that is not there.
        let contents: Data?
        /// Folders above it that are not there either, the innermost first.
        let newFolders: [String]
        /// Nil for a file that is not there.
        let modified: ModificationTime?
    }

    private(set) var all: [State]

    init(_ all: [State]) { self.all = all }

    init(of paths: [String]) throws(SetupError) {
        all = []
        for path in paths where !all.contains(where: { $0.path == path }) {
            all.append(
                State(
                    path: path, contents: try SetupBackup.contents(path), newFolders: Self.missingFolders(above: path),
                    modified: ModificationTime(of: path)))
        }
    }

    /// Adds files that were not there at that moment.
    mutating func add(new paths: some Sequence<String>) {
        for path in paths where !all.contains(where: { $0.path == path }) {
            all.append(State(path: path, contents: nil, newFolders: [], modified: nil))
        }
    }

    /// Folders that a file needs and that are not there, the innermost first.
    static func missingFolders(above path: String) -> [String] {
        var missing: [String] = []
        var folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        while folder.path != "/", !FileManager.default.fileExists(atPath: folder.path) {
            missing.append(folder.path)
            folder = folder.deletingLastPathComponent()
        }
        return missing
    }

    /// Makes the files hold that again, octet for octet and of that age, and removes folders that were not there, if they
    /// are empty.
    /// - Returns: the files that did not.
    func restore() throws(SetupError) -> [String] {
        var restored: [String] = []
        for state in all {
            if try SetupBackup.contents(state.path) != state.contents {
                if let before = state.contents {
                    try SetupBackup.replace(state.path, by: before)
                } else {
                    unlink(state.path)
                }
                restored.append(state.path)
            }
            // Also of a file that was written with what it had: else make would build anew what depends on it.
            state.modified?.set(on: state.path)
        }
        for folder in all.flatMap(\.newFolders) { rmdir(folder) }
        return restored
    }
}
