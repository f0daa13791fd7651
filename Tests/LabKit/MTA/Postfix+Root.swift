// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Postfix {
    /// Where Tests/lab/postfix310-root puts the Postfix of Debian 13, 3.10: a value of ``Options/root``.
    package static var debian13: String {
        ProcessInfo.processInfo.environment["STS_LAB_POSTFIX310"] ?? "/var/cache/sts-milter-lab/postfix310"
    }

    /// Whether Tests/lab/postfix310-root has done its work: what a test is to be enabled by.
    package static var hasDebian13: Bool { FileManager.default.fileExists(atPath: debian13 + "/.complete") }

    /// Mounts in a namespace of the program's own, so that nothing is left behind: the paths of configuration, queue
    /// and log are the same inside and outside, and so are the numbers of the users they belong to.
    private static let enter = """
        root=$1
        shift
        mount --bind /tmp "$root/tmp"
        mount --rbind /dev "$root/dev"
        for file in passwd group resolv.conf; do mount --bind "/etc/$file" "$root/etc/$file"; done
        exec chroot "$root" "$@"
        """

    /// The command line that runs one of Postfix's programs: in its root directory, if it has one.
    static func commandLine(_ arguments: [String], root: String?) -> [String] {
        guard let root else { return arguments }
        return ["unshare", "--mount", "sh", "-euc", enter, "sh", root] + arguments
    }
}
