// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc

/// Why a file could not be read, written or made, in the system's words; safe to print.
package func fileFailure(_ error: any Error) -> String {
    // FoundationEssentials has no words of its own for it, and would print all that it knows of the file.
    guard let cause = (error as? CocoaError)?.underlying as? POSIXError else { return printable("\(error)") }
    return String(cString: strerror(cause.code.rawValue))
}
