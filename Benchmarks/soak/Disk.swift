// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import TestKit

/// A small file system of its own, gone with the network namespace's mounts at the latest.
final class Disk: Sendable {
    /// Room for all that the store may hold of such a load: what is kept for `explain` has a bound of 64 MiB, and the
    /// write-ahead log grows to 16 MiB and more before it is brought into the file.
    private static let megabytes = 256

    let path: String
    private let directory: TemporaryDirectory
    private var ballast: String { path + "/ballast" }

    init() throws {
        directory = try TemporaryDirectory("sts-soak-disk")
        path = try directory.makeDirectory("disk")
        try Command.check(["mount", "-t", "tmpfs", "-o", "size=\(Self.megabytes)m,mode=0755", "sts-soak", path])
    }

    /// Leaves no room.
    func fill() throws {
        let result = try Command.run(["dd", "if=/dev/zero", "of=\(ballast)", "bs=4k"])
        guard result.errors.contains("No space left") else { throw LabError("the disk is not full: \(result)") }
    }

    func empty() throws { try FileManager.default.removeItem(atPath: ballast) }

    func unmount() throws { try Command.check(["umount", "-l", path]) }
}
