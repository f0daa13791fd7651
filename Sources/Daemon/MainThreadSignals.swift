// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The signals of the daemon belong to its main thread, which blocks them and waits for them in sigwaitinfo(2).
///
/// All threads block them, with one exception: the thread by which Subprocess waits for the end of a program unblocks
/// everything meanwhile. A signal that comes when the main thread is not in its wait goes there, and would end the
/// process. So each has a handler, which hands the signal on to the main thread, where it stays until it is taken.
enum MainThreadSignals {
    static let all = [SIGHUP, SIGUSR1, SIGTERM, SIGINT]

    private static let mainThread = pthread_self()

    /// Blocks them. Must be called on the main thread, before there is another, so that all inherit the mask.
    static func take() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in all { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // Here, where it is the main thread's; the handler then only reads it.
        _ = mainThread
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { signal in pthread_kill(MainThreadSignals.mainThread, signal) }
        action.sa_flags = SA_RESTART
        for signal in all { sigaction(signal, &action, nil) }
        return set
    }
}
