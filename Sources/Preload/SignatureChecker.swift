// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Glibc
import Processes

/// Checks detached OpenPGP signatures with gpgv, which trusts exactly the keys of one key ring.
package struct SignatureChecker: Sendable {
    /// Largest signature, in bytes; an armoured one has a few hundred.
    package static let limitBytes = 64 << 10
    /// What gpgv may write, of its status and of errors, in octets.
    private static let outputLimitBytes = 256 << 10
    /// The last octets of its errors, which say why, that are looked at.
    private static let shownErrorBytes = 4096
    /// How long gpgv may take; it needs some hundredths of a second for the largest list.
    private static let waitLimit = Duration.seconds(20)

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
        let (textPath, signaturePath) = (directory + "/list", directory + "/list.asc")
        do {
            try Data(text).write(to: URL(fileURLWithPath: textPath))
            try Data(signature).write(to: URL(fileURLWithPath: signaturePath))
        } catch {
            throw .cannotCheck("cannot write to \(directory): \(fileFailure(error))")
        }
        let gpgv = Program(
            program,
            [
                // SHA-1 can be forged; MD5 is refused without asking. No home of ours comes from the environment.
                "--homedir", directory, "--weak-digest", "SHA1", "--keyring", keyring, "--status-fd", "1", "--",
                signaturePath, textPath,
            ])
        let said: ProgramOutput
        do throws(ProgramFailure) {
            said = try await gpgv.run(within: Self.waitLimit, outputLimitBytes: Self.outputLimitBytes)
        } catch { throw .cannotCheck("\(program) \(error)") }
        return try verdict(
            ofStatus: said.output, errors: String(decoding: said.errors.suffix(Self.shownErrorBytes), as: UTF8.self))
    }

    private static func makeDirectory(in scratch: String) throws(SignatureError) -> String {
        // Mode 0700: nobody may exchange what is about to be checked.
        var template = Array("\(scratch)/.preload-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .cannotCheck("cannot make a directory in \(printable(scratch)): \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
