// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A file beside the database that says that there is one: without it an empty database is a new site, with it a loss.
enum StoreMarker {
    private static let text = """
        sts-milter made a database beside this file. If the database is gone or empty, sts-milter does not start, since
        it would send mail to domains whose policies it no longer knows. Put the database back; or remove this file to
        begin anew.

        """

    static func path(beside database: String) -> String { database + ".made" }

    static func exists(beside database: String) -> Bool { access(path(beside: database), F_OK) == 0 }

    /// - Returns: the system's error number; 0 if the file is there.
    static func make(beside database: String) -> Int32 {
        let file = open(path(beside: database), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard file >= 0 else { return errno }
        defer { close(file) }
        let octets = Array(text.utf8)
        guard write(file, octets, octets.count) == octets.count, fsync(file) == 0 else { return errno }
        return 0
    }
}
