// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Stands in for sigwait(3) in the whole process, and never returns.
///
/// libmilter starts a thread that waits by sigwait(3) for HUP, TERM and INT and ends the milter at each of them; no
/// setting prevents that. Of several threads that wait for a signal the kernel takes any, so a milter would be gone
/// whenever the main thread was not back in its own wait in time. The dynamic linker looks for a name in the program
/// before it looks in the C library, so libmilter finds this function: its thread waits for nothing, and the signals
/// stay with whoever calls sigwaitinfo(2).
@c(sigwait)
package func neverWaitForSignals(_ set: UnsafePointer<sigset_t>?, _ signal: UnsafeMutablePointer<Int32>?) -> Int32 {
    while true { pause() }
}
