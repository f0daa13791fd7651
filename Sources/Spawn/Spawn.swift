// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Starts `arguments[0]`, a path or a name in our PATH, without a shell, with nothing of ours but the three standard files.
///
/// Foundation's own way hands down the signals that the daemon blocks and every open descriptor.
/// - Parameter leadsGroup: whether the process becomes the leader of a process group, to be ended with its children.
/// - Returns: the process, which the caller must wait for.
package func spawn(
    _ arguments: [String], environment: [String], input: ChildFile, output: ChildFile, errors: ChildFile,
    leadsGroup: Bool = false
) throws(SpawnError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, file) in [(Int32(0), input), (1, output), (2, errors)] {
        switch file {
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, number)
        case .path(let path, let flags, let mode):
            posix_spawn_file_actions_addopen(&actions, number, path, flags, mode)
        }
    }
    // What a library opened without close-on-exec; closing one that is gone by then is no error.
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    for file in open.compactMap(Int32.init) where file > 2 { posix_spawn_file_actions_addclose(&actions, file) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (leadsGroup ? POSIX_SPAWN_SETPGROUP : 0)
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var process = pid_t()
    let code = withCStrings(environment) { environment in
        withCStrings(arguments) {
            posix_spawnp(&process, arguments.first ?? "", &actions, &attributes, $0, environment)
        }
    }
    guard code == 0 else { throw SpawnError(code: code) }
    return process
}

/// Two ends that are closed on exec: what a pipe is elsewhere, but written to without fear of SIGPIPE.
///
/// pipe2, which closes on exec from the start, is hidden from Swift.
package func localPair() throws(SpawnError) -> (ours: Int32, theirs: Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SpawnError(code: errno) }
    return (ends[0], ends[1])
}

private func withCStrings<Value>(_ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value) -> Value {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}
