// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestKit

/// An https server that speaks HTTP/2 and nothing else: nghttpd of nghttp2.
package final class HTTP2Host: Sendable {
    package let address: String
    private let server: BackgroundProcess
    private let files: TemporaryDirectory

    /// Listens when it returns.
    /// - Parameters:
    ///   - files: what it serves, by name such as `policy.txt`.
    ///   - answersEarly: whether it answers as soon as it has a request's head, whatever comes behind.
    package init(
        address: String, port: Int = 443, credential: Credential, files: [String: String], answersEarly: Bool = false
    ) throws {
        self.address = address
        self.files = try TemporaryDirectory("sts-http2")
        let root = try self.files.makeDirectory("root")
        for (name, text) in files {
            if let slash = name.lastIndex(of: "/") { _ = try self.files.makeDirectory("root/" + name[..<slash]) }
            try self.files.write("root/" + name, text)
        }
        let options = answersEarly ? ["--early-response"] : []
        server = try BackgroundProcess(
            ["/usr/sbin/nghttpd", "-v", "-a", address, "-d", root] + options
                + ["\(port)", credential.keyFile, credential.certificateFile],
            logFile: self.files.path + "/log")
        try server.waitForLog("listen")
    }

    /// What it has seen: frames and header fields.
    package var log: String { server.log }
}
