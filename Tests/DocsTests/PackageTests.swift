// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestKit
import Testing

@Suite("What the package says of the program is so")
struct PackageTests {
    private static let optional = Project.files(below: "contrib/optional", ending: ".conf")

    @Test("its version is the program's")
    func version() throws {
        let first = try #require(try Project.text("debian/changelog").split(separator: "\n").first)
        let version = try #require(first.firstMatch(of: /^sts-milter\ \(([^)]+)\)/)).1
        #expect(try Project.run(nil, ["--version"]).output == "sts-milter \(version)\n")
    }

    @Test("it is built with the packages that the build installs")
    func buildDepends() throws {
        let list = try #require(
            try Project.text("debian/control").firstMatch(of: /Build-Depends:\n((?: .*\n)+)/)
        ).1
        let named = list.split(separator: "\n").map { $0.trimmingCharacters(in: [" ", ","]) }
        let wanted = try Project.run(Project.root + "/Tests/lab/packages", ["build"]).output.split(separator: "\n")
        #expect(!wanted.isEmpty)
        for package in wanted { #expect(named.contains(String(package))) }
    }

    @Test("systemd rates the unit below 1.5, with each drop-in at most 1.5")
    func exposure() throws {
        let unit = "contrib/systemd/sts-milter.service"
        let arguments = ["security", "--offline=true", "--no-pager"]
        let alone = try Project.run("/usr/bin/systemd-analyze", arguments + ["--threshold=14", unit])
        #expect(alone.status == 0, "\(alone)")
        // As systemd reads a unit with its drop-in: one text behind the other.
        for path in Self.optional where path.contains(".service.d/") {
            let folder = try TemporaryDirectory()
            let both = try folder.write("sts-milter.service", Project.text(unit) + Project.text(path))
            let result = try Project.run("/usr/bin/systemd-analyze", arguments + ["--threshold=15", both])
            #expect(result.status == 0, "\(path): \(result)")
        }
    }

    @Test("the directory that a drop-in opens is one that its file for systemd-tmpfiles makes", arguments: optional)
    func directories(_ path: String) throws {
        let text = try Project.text(path)
        guard let opened = text.firstMatch(of: /\nReadWritePaths=-(\S+)\n/) else { return }
        let tree = path.split(separator: "/").prefix(3).joined(separator: "/")
        let made = try #require(text.firstMatch(of: /\nExecStartPre=\S*systemd-tmpfiles --create \/etc\/(\S+)\n/)).1
        // What Postfix connects to, or what nobody else looks into.
        let rights = tree.hasSuffix("maildir") ? "0700 sts-milter sts-milter" : "2750 sts-milter postfix"
        #expect(try Project.text("\(tree)/\(made)").contains("\nd \(opened.1) \(rights) -\n"))
    }

    @Test("a Maildir that the administrator names is made and opened, by the command of contrib/README.md")
    func maildir() throws {
        let folder = try TemporaryDirectory()
        let names = Self.optional.filter { $0.contains("report-maildir/") }
        #expect(names.count == 2)
        let files = names.map { folder.path + "/etc/" + $0.split(separator: "/").dropFirst(3).joined(separator: "/") }
        for (name, file) in zip(names, files) {
            _ = try folder.makeDirectory(
                String((file as NSString).deletingLastPathComponent.dropFirst(folder.path.count)))
            try writeFile(file, Project.text(name))
        }
        let command = try #require(Project.text("contrib/README.md").firstMatch(of: /\n(sed -i 's(?:.|\n)*?)\n```/)).1
        let moved = try Project.run(
            "/bin/sh", ["-ec", String(command).replacing(" /etc/", with: " \(folder.path)/etc/")])
        #expect(moved.status == 0, "\(moved)")
        let lines = try files.flatMap { file in
            try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
        }
        #expect(lines.count { $0.contains("/srv/mail/tlsrpt") } == 5 && !lines.contains { $0.contains("/var/mail") })
        #expect(lines.contains("ReadWritePaths=-/srv/mail/tlsrpt"))
        for part in ["", "/tmp", "/new", "/cur"] {
            let age = part == "/cur" ? "60d" : "-"
            #expect(lines.contains("d /srv/mail/tlsrpt\(part) 0700 sts-milter sts-milter \(age)"))
        }
    }

    @Test("when it is removed it undoes setup, and names the lines of Postfix that still ask sts-milter")
    func leave() throws {
        let folder = try TemporaryDirectory()
        try folder.write("main.cf", "")
        let backup = try folder.write("setup.json", #"{"files":[],"mta":"postfix"}"#)
        let program = try folder.write("program", "#!/bin/sh\necho \"called: $*\"\nexit 1\n")
        let postconf = try folder.write(
            "postconf",
            """
            #!/bin/sh
            while [ "$1" = -c ] || [ "$1" = -h ]; do [ "$1" = -h ] || shift; shift; done
            case $1 in
            config_directory) echo \(folder.path) ;;
            smtpd_milters) echo '{ unix:sts-milter/milter.sock, command_timeout=10s }, inet:127.0.0.1:11332' ;;
            non_smtpd_milters) echo '$smtpd_milters' ;;
            smtp_tls_policy_maps) echo 'inline:{ { a = b, c } } socketmap:unix:sts-milter/map.sock:postfix' ;;
            esac

            """)
        for path in [program, postconf] { chmod(path, 0o755) }
        let result = try Project.run(
            "/usr/bin/env",
            [
                "PATH=\(folder.path):/usr/bin:/bin", "STS_MILTER=\(program)", "STS_MILTER_BACKUP=\(backup)",
                "STS_MILTER_CF=/nonexistent", "/bin/sh", "contrib/leave-mta",
            ])
        #expect(result.status == 0 && result.errors.contains("called: setup postfix --undo\n"), "\(result)")
        for line in ["smtpd_milters = inet:127.0.0.1:11332", "smtp_tls_policy_maps = inline:{ { a = b, c } }"] {
            #expect(result.errors.contains("***   postconf -c \(folder.path) -e '\(line)' && "), "\(result)")
        }
        #expect(!result.errors.contains("-e 'non_smtpd_milters"), "\(result)")
    }

    @Test("purging removes each optional file that was copied to /etc", arguments: optional)
    func purge(_ path: String) throws {
        let installed = "/etc/" + path.split(separator: "/").dropFirst(3).joined(separator: "/")
        let script = try Project.text("debian/sts-milter.postrm")
        #expect(script.split { $0 == " " || $0 == "\n" }.contains(Substring(installed)))
    }
}
