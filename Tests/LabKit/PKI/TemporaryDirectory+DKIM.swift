// SPDX-License-Identifier: Apache-2.0
import TestKit

extension TemporaryDirectory {
    /// Makes a key that signs mail, readable by its owner only, and gives its path.
    @discardableResult
    package func dkimKey(_ name: String = "dkim.pem") throws -> String {
        let file = path + "/" + name
        try Command.check(["openssl", "genpkey", "-algorithm", "ED25519", "-out", file])
        return file
    }
}
