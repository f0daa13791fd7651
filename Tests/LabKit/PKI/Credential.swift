// SPDX-License-Identifier: Apache-2.0
import TestKit

/// A certificate chain with its key, as files and as a server wants it.
package struct Credential: Sendable {
    /// PEM: the certificate first, then the intermediates a server is to send.
    package let certificateFile: String
    /// PEM.
    package let keyFile: String
    /// Hex SHA-256 of the certificate's public key: the data of a `TLSA 3 1 1` record. - RFC 6698 §2.1: TLSA RDATA.
    package let tlsa311: String
    /// Keeps the files there as long as anyone holds the credential.
    let owner: TemporaryDirectory?

    /// The same key with the chain of another PEM file.
    package func sending(certificates file: String) -> Credential {
        Credential(certificateFile: file, keyFile: keyFile, tlsa311: tlsa311, owner: owner)
    }
}
