// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import TestKit

/// A private certificate authority, made with the `openssl` command; EC P-256 throughout.
///
/// One leaf key serves all certificates unless ``CertificateOption/ownKey`` asks otherwise: an issue is one
/// `openssl` run, some 10 ms.
package final class CertificateAuthority: Sendable {
    /// PEM of the root alone: what a client is to trust.
    package let caFile: String
    /// Hex SHA-256 of the issuing certificate's key: the data of a `TLSA 2 1 1` record.
    package let tlsa211: String
    /// PEM of the issuing certificate and of all between it and the root.
    package var certificateFile: String { directory + "/ca.pem" }

    private let directory: String
    /// Kept while the authority lives when no directory was given.
    private let scratch: TemporaryDirectory?
    /// PEM of the intermediates below the root, nearest first; empty for the root.
    private let chain: String
    private let leafHash: String
    /// `openssl ca` keeps its state in files: one run at a time; the number names the next certificate.
    private let serial = Locked(0)

    /// Makes a root authority. Without `directory` its files live in /tmp as long as the object.
    package convenience init(directory: String? = nil, commonName: String = "sts lab root") throws {
        let scratch = directory == nil ? try TemporaryDirectory("sts-lab-ca") : nil
        guard let path = directory ?? scratch?.path else { throw LabError("no directory") }
        try Self.prepare(path)
        try Self.makeKey(path + "/ca.key")
        try Command.check([
            "openssl", "req", "-x509", "-new", "-key", path + "/ca.key", "-out", path + "/ca.pem", "-days", "3650",
            "-subj", "/CN=\(commonName)", "-config", path + "/ca.cnf", "-extensions", "authority",
        ])
        try self.init(path, scratch: scratch, caFile: path + "/ca.pem", chain: "")
    }

    private init(_ directory: String, scratch: TemporaryDirectory?, caFile: String, chain: String) throws {
        self.directory = directory
        self.scratch = scratch
        self.caFile = caFile
        self.chain = chain
        try Self.makeKey(directory + "/leaf.key")
        try Self.makeRequest(directory + "/leaf")
        leafHash = try Self.publicKeyHash(directory + "/leaf.key")
        tlsa211 = try Self.publicKeyHash(directory + "/ca.key")
    }

    /// Issues a server certificate with `names` as DNS names of the subjectAltName, wildcards as given.
    ///
    /// The common name is the first name unless given. Throws ``LabError`` with what openssl said.
    package func issue(
        names: [String], commonName: String? = nil, validity: Validity = .valid, options: Set<CertificateOption> = []
    ) throws -> Credential {
        try serial.withLock { number in
            number += 1
            let stem = directory + "/cert\(number)"
            let subject = commonName ?? names.first ?? "nobody"
            var key = directory + "/leaf"
            let algorithm = Self.ownKey(options)
            if let algorithm {
                key = stem
                try Self.makeKey(key + ".key", algorithm)
                try Self.makeRequest(key)
            }
            let names = options.contains(.commonNameOnly) ? [] : names
            let usage = options.contains(.clientAuthenticationOnly) ? "clientAuth" : "serverAuth"
            try Self.writeExtensions(stem + ".ext", names: names, usage: usage)
            try sign(
                key + ".csr", to: stem + ".pem", subject: subject, extensions: stem + ".ext", validity: validity,
                digest: options.contains(.sha1Signature) ? "sha1" : "sha256")
            if !options.contains(.withoutIntermediate) {
                try writeFile(stem + ".pem", readFile(stem + ".pem") + chain)
            }
            let hash = algorithm != nil ? try Self.publicKeyHash(key + ".key") : leafHash
            return Credential(certificateFile: stem + ".pem", keyFile: key + ".key", tlsa311: hash, owner: scratch)
        }
    }

    /// Makes an authority below this one; what it issues carries its certificate along.
    ///
    /// `constraints` is the text of its basicConstraints: one that is no authority signs all the same.
    package func intermediate(
        commonName: String = "sts lab intermediate", validity: Validity = .valid, digest: String = "sha256",
        constraints: String = "critical,CA:true"
    ) throws -> CertificateAuthority {
        try serial.withLock { number in
            number += 1
            let below = directory + "/sub\(number)"
            try FileManager.default.createDirectory(atPath: below, withIntermediateDirectories: true)
            try Self.prepare(below)
            try Self.makeKey(below + "/ca.key")
            try Command.check(["cp", below + "/ca.key", below + "/sub.key"])
            try Self.makeRequest(below + "/sub")
            try writeFile(below + "/sub.ext", "basicConstraints=\(constraints)\nkeyUsage=keyCertSign,cRLSign\n")
            try sign(
                below + "/sub.csr", to: below + "/ca.pem", subject: commonName, extensions: below + "/sub.ext",
                validity: validity, digest: digest)
            let chain = readFile(below + "/ca.pem") + chain
            return try CertificateAuthority(below, scratch: scratch, caFile: caFile, chain: chain)
        }
    }

    /// Makes a certificate that is its own issuer.
    package func selfSigned(names: [String], commonName: String? = nil) throws -> Credential {
        try serial.withLock { number in
            number += 1
            let stem = directory + "/cert\(number)"
            try Command.check([
                "openssl", "req", "-x509", "-new", "-key", directory + "/leaf.key", "-out", stem + ".pem", "-days",
                "365",
                "-subj", "/CN=\(commonName ?? names.first ?? "nobody")", "-config", directory + "/ca.cnf",
                "-addext", "subjectAltName=" + names.map { "DNS:\($0)" }.joined(separator: ","),
            ])
            return Credential(
                certificateFile: stem + ".pem", keyFile: directory + "/leaf.key", tlsa311: leafHash, owner: scratch)
        }
    }

    private func sign(
        _ request: String, to certificate: String, subject: String, extensions: String, validity: Validity,
        digest: String
    ) throws {
        let (from, to) = validity.days
        try Command.check([
            "openssl", "ca", "-batch", "-notext", "-config", directory + "/ca.cnf", "-md", digest,
            "-startdate", Self.stamp(daysFromNow: from), "-enddate", Self.stamp(daysFromNow: to),
            "-subj", "/CN=\(subject)", "-in", request, "-out", certificate, "-extfile", extensions,
        ])
    }
}

extension CertificateAuthority {
    private static func prepare(_ directory: String) throws {
        try writeFile(directory + "/index.txt", "")
        try writeFile(directory + "/index.txt.attr", "unique_subject = no\n")
        try writeFile(
            directory + "/ca.cnf",
            """
            [ca]
            default_ca = lab
            [lab]
            dir = \(directory)
            database = $dir/index.txt
            new_certs_dir = $dir
            certificate = $dir/ca.pem
            private_key = $dir/ca.key
            rand_serial = yes
            default_md = sha256
            policy = any
            [any]
            commonName = supplied
            [req]
            distinguished_name = subject
            [subject]
            [authority]
            basicConstraints = critical,CA:true
            keyUsage = keyCertSign,cRLSign
            subjectKeyIdentifier = hash

            """)
    }

    /// What openssl is to make a key of its own with; nil for the shared leaf key.
    private static func ownKey(_ options: Set<CertificateOption>) -> [String]? {
        for option in options {
            switch option {
            case .ownKey: return ellipticKey("P-256")
            case .p521Key: return ellipticKey("P-521")
            case .rsaKey(let bits): return ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"]
            case .commonNameOnly, .withoutIntermediate, .clientAuthenticationOnly, .sha1Signature: continue
            }
        }
        return nil
    }

    private static func ellipticKey(_ curve: String) -> [String] {
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(curve)"]
    }

    private static func makeKey(_ path: String, _ algorithm: [String] = ellipticKey("P-256")) throws {
        try Command.check(["openssl", "genpkey", "-quiet"] + algorithm + ["-out", path])
    }

    /// Makes `<stem>.csr` for `<stem>.key`; its subject is replaced when it is signed.
    private static func makeRequest(_ stem: String) throws {
        try Command.check(["openssl", "req", "-new", "-key", stem + ".key", "-out", stem + ".csr", "-subj", "/CN=any"])
    }

    private static func writeExtensions(_ path: String, names: [String], usage: String) throws {
        var text = "basicConstraints=CA:false\nextendedKeyUsage=\(usage)\n"
        if !names.isEmpty {
            text += "subjectAltName=" + names.map { "DNS:\($0)" }.joined(separator: ",") + "\n"
        }
        try writeFile(path, text)
    }

    private static func publicKeyHash(_ key: String) throws -> String {
        let der = key + ".spki"
        try Command.check(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER", "-out", der])
        let line = try Command.check(["openssl", "dgst", "-sha256", "-r", der])
        return String(line.prefix(64))
    }

    private static func stamp(daysFromNow days: Int) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyyMMddHHmmss'Z'"
        return formatter.string(from: Date(timeIntervalSinceNow: Double(days) * 86_400))
    }
}
