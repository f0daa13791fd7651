// SPDX-License-Identifier: Apache-2.0
import Basics
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

    static func make(beside database: String) throws(FileError) {
        try RegularFile.replace(path(beside: database), with: Array(text.utf8), mode: 0o640, followsLinks: false)
    }
}
