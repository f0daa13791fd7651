// SPDX-License-Identifier: Apache-2.0

/// What an MTA's way of running needs of the system, as files below /etc.
///
/// `contrib/optional` has the same files, for Debian's paths, to be copied by hand; a test holds them to these texts.
package enum OptionalPart: Sendable, Hashable {
    /// The directory of milter and policy map, which a Postfix in its chroot sees.
    case postfixSockets(directory: String, group: String)
    /// The directory of the socket for Postfix's TLSRPT datagrams.
    case postfixDatagrams(directory: String, group: String)
    /// The right to read the mail log.
    case mailLog
    /// The right to read the journal.
    case mailJournal

    private static let licence = "# SPDX-License-Identifier: Apache-2.0\n"
    private static let unit = "/etc/systemd/system/sts-milter.service.d"

    /// What it is called in `contrib/optional`.
    package var name: String {
        switch self {
        case .postfixSockets: "postfix-sockets"
        case .postfixDatagrams: "postfix-datagrams"
        case .mailLog: "mail-log"
        case .mailJournal: "mail-journal"
        }
    }

    package var files: [SetupPlan.File] {
        switch self {
        case .postfixSockets(let directory, let group): sockets(directory, group)
        case .postfixDatagrams(let directory, let group): datagrams(directory, group)
        case .mailLog:
            [
                dropIn(
                    """
                    # Lets the daemon read /var/log/mail.log, for intake.postfix_log and intake.sendmail_log: Debian gives it this group.
                    [Service]
                    SupplementaryGroups=adm

                    """, "the right to read the mail log")
            ]
        case .mailJournal:
            [
                dropIn(
                    """
                    # Lets the daemon read the journal, for intake.postfix_log = "journal" and intake.sendmail_log = "journal".
                    [Service]
                    SupplementaryGroups=systemd-journal

                    """, "the right to read the journal")
            ]
        }
    }

    private func sockets(_ directory: String, _ group: String) -> [SetupPlan.File] {
        [
            dropIn(
                """
                # The sockets of sts-milter for a Postfix in a chroot, as Debian's is. Their directory lies in Postfix's queue directory,
                # since smtpd and smtp see no other place. It is made at each start, so that it outlasts a Postfix that is installed anew.
                [Service]
                ExecStartPre=+/usr/bin/systemd-tmpfiles --create /etc/tmpfiles.d/sts-milter-sockets.conf
                ReadWritePaths=-\(directory)

                """, "the directory of the sockets, which Postfix sees from its chroot"),
            file(
                "/etc/tmpfiles.d/sts-milter-sockets.conf",
                """
                # The 2 of its mode gives the sockets its group, by which Postfix may connect; no other user may.
                d \(directory) 2750 sts-milter \(group) -

                """, "whose that directory is"),
        ]
    }

    private func datagrams(_ directory: String, _ group: String) -> [SetupPlan.File] {
        [
            dropIn(
                """
                # The socket for the TLSRPT datagrams of Postfix 3.10 and later, for intake.tlsrpt_socket. smtp runs in a chroot and sees
                # its queue directory only.
                [Service]
                ExecStartPre=+/usr/bin/systemd-tmpfiles --create /etc/tmpfiles.d/sts-milter-datagrams.conf
                ReadWritePaths=-\(directory)
                # The thread that takes datagrams asks for short turns of the processor, which Linux gives from 6.12 on.
                SystemCallFilter=sched_getattr sched_setattr

                """, "the directory of the socket for Postfix's datagrams"),
            file(
                "/etc/tmpfiles.d/sts-milter-datagrams.conf",
                """
                # The 2 of its mode gives the socket its group, so that Postfix may write to it.
                d \(directory) 2750 sts-milter \(group) -

                """, "whose that directory is"),
            file(
                "/etc/sysctl.d/sts-milter-datagrams.conf",
                """
                # How many datagrams wait for their reader; the kernel's 10 lose some of a busy Postfix. Read when the socket is made.
                net.unix.max_dgram_qlen = 512

                """, "how many of Postfix's datagrams the kernel keeps for us"),
        ]
    }

    private func dropIn(_ text: String, _ reason: String) -> SetupPlan.File {
        file("\(Self.unit)/\(name).conf", text, reason)
    }

    private func file(_ path: String, _ text: String, _ reason: String) -> SetupPlan.File {
        SetupPlan.File(path: path, text: Self.licence + text, reason: reason)
    }
}
