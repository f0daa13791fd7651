// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation

/// Checks detached OpenPGP signatures with gpgv, which trusts exactly the keys of one key ring.
package struct SignatureChecker: Sendable {
    /// Largest signature, in bytes; an armoured one has a few hundred.
    package static let limitBytes = 64 << 10
    /// What gpgv may write on its status descriptor.
    private static let outputLimitBytes = 256 << 10
    /// How long gpgv may take; it needs some hundredths of a second for the largest list.
    private static let patience = Duration.seconds(20)

    private let keyring: String
    private let program: String

    /// - Parameter keyring: a file as `gpg --export` writes it; not armoured.
    package init(keyring: String, program: String = "/usr/bin/gpgv") {
        self.keyring = keyring
        self.program = program
    }

    /// - Parameter scratch: a directory that exists; nothing stays in it.
    package func check(
        _ text: [UInt8], signature: [UInt8], scratch: String
    ) async throws(SignatureError) -> GoodSignature {
        guard access(keyring, R_OK) == 0 else {
            throw .cannotCheck(
                "preload.keyring: \(printable(keyring)): \(String(cString: strerror(errno))); make it with gpg --export KEY"
            )
        }
        guard access(program, X_OK) == 0 else { throw .cannotCheck("\(program) is missing; install the package gpgv") }
        let directory = try Self.makeDirectory(in: scratch)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (textPath, signaturePath, errors) = (directory + "/list", directory + "/list.asc", directory + "/errors")
        do {
            try Data(text).write(to: URL(fileURLWithPath: textPath))
            try Data(signature).write(to: URL(fileURLWithPath: signaturePath))
        } catch {
            throw .cannotCheck("cannot write to \(directory): \(printable(error.localizedDescription))")
        }
        let ending: ChildProcess.Ending
        do throws(ChildProcess.Failure) {
            ending = try await ChildProcess.run(
                [
                    // SHA-1 can be forged; MD5 is refused without asking.
                    program, "--homedir", directory, "--weak-digest", "SHA1", "--keyring", keyring, "--status-fd", "1",
                    "--", signaturePath, textPath,
                ], errors: errors, within: Self.patience, outputLimitBytes: Self.outputLimitBytes)
        } catch {
            throw .cannotCheck(Self.text(of: error, program))
        }
        let said = FileManager.default.contents(atPath: errors).map { String(decoding: $0.suffix(4096), as: UTF8.self) }
        return try verdict(ofStatus: ending.output, errors: said ?? "")
    }

    private static func makeDirectory(in scratch: String) throws(SignatureError) -> String {
        // Mode 0700: nobody may exchange what is about to be checked.
        var template = Array("\(scratch)/.preload-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .cannotCheck("cannot make a directory in \(printable(scratch)): \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func text(of failure: ChildProcess.Failure, _ program: String) -> String {
        switch failure {
        case .cannotStart(let cause): "cannot run \(program): \(cause)"
        case .tooLate: "\(program) did not end within \(patience.components.seconds) s"
        case .tooMuchOutput: "\(program) says more than \(outputLimitBytes) bytes"
        }
    }
}
