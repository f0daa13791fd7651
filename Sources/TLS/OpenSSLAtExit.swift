// SPDX-License-Identifier: Apache-2.0
import COpenSSL

/// What OpenSSL does when the process ends.
package enum OpenSSLAtExit {
    /// Has OpenSSL keep all that it has until the process is gone. To be called before anything else that uses OpenSSL, be
    /// it another library: later it does nothing.
    ///
    /// Otherwise exit(3) frees its tables under threads that are in the middle of a handshake, and the process dies of a
    /// signal instead of ending with its exit code.
    package static func keepAll() { OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) }
}
