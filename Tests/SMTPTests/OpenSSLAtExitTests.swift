// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TLS
import Testing

@Suite("A process ends with its exit code while its threads use TLS")
struct OpenSSLAtExitTests {
    @Test("with OpenSSL in the middle of something on all of them")
    func end() async {
        // Without it some two of ten die of SIGSEGV.
        for _ in 1...10 {
            await #expect(processExitsWith: .exitCode(7)) {
                OpenSSLAtExit.keepAll()
                for _ in 0..<8 {
                    Thread { while true { _ = try? TLSContext(caFile: nil) } }.start()
                }
                usleep(200_000)
                exit(7)
            }
        }
    }
}
