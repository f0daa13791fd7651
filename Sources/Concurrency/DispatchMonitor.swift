// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Stands in for open(2) in the whole process, and differs from it in one case: where no descriptor is left for
/// `/proc/TID/stat`, it returns a descriptor that is none, and not -1.
///
/// libdispatch, on whose threads Swift's tasks run, reads that file of each of its threads once a second while work
/// waits. It ends the process where open(2) returns -1, as if the thread had gone. So whoever could use up the
/// daemon's descriptors could end it, and the MTA would do without it. From a descriptor that is none nothing can be
/// read; libdispatch then takes the thread for one that rests, and goes on. The dynamic linker looks for a name in the
/// program before it looks in the C library, and so does the static one.
@c(open)
package func openForDispatch(_ path: UnsafePointer<CChar>?, _ flags: Int32, _ mode: mode_t) -> Int32 {
    guard let path else {
        errno = EFAULT
        return -1
    }
    let descriptor = openat(AT_FDCWD, path, flags, mode)
    guard descriptor == -1, errno == EMFILE || errno == ENFILE, isThreadState(path) else { return descriptor }
    return noDescriptor
}

/// Not -1, by which libdispatch knows a failure. read(2) and close(2) of it fail with EBADF.
private let noDescriptor: Int32 = -2

/// `/proc/TID/stat`. Looks at octets only: this can run before anything else of the process does.
private func isThreadState(_ path: UnsafePointer<CChar>) -> Bool {
    var rest = path
    func skip(_ text: StaticString) -> Bool {
        guard strncmp(rest, text.utf8Start, text.utf8CodeUnitCount) == 0 else { return false }
        rest += text.utf8CodeUnitCount
        return true
    }
    guard skip("/proc/") else { return false }
    let digits = rest
    while rest.pointee >= CChar(UInt8(ascii: "0")), rest.pointee <= CChar(UInt8(ascii: "9")) { rest += 1 }
    return rest > digits && strcmp(rest, "/stat") == 0
}
