// SPDX-License-Identifier: Apache-2.0

extension Postfix {
    func mainConfiguration(_ options: Options) -> String {
        let home = configuration.dropLast("/etc".count)
        var lines = [
            "compatibility_level = 3.6",
            "queue_directory = \(home)/spool",
            "data_directory = \(home)/data",
            "maillog_file = \(logFile)",
            "maillog_file_prefixes = /tmp, /var",
            "myhostname = \(options.hostName)",
            "mydestination =",
            "alias_maps =",
            "alias_database =",
            "mynetworks = 127.0.0.0/8, [::1]/128",
            // Postfix wants an interface for each of these, which 127.0.0.0/8 has for this one only; master.cf says where
            // it listens. An MX at any other address is not taken for Postfix itself.
            "inet_interfaces = 127.0.0.1",
            "inet_protocols = all",
            "smtpd_relay_restrictions = permit_mynetworks, reject",
            // The clients have no names: do not ask for them at every connection.
            "smtpd_peername_lookup = no",
            "smtp_host_lookup = dns",
            "smtp_tls_security_level = may",
            "smtp_tls_loglevel = 1",
            "transport_maps = texthash:\(configuration)/transport",
            "virtual_alias_maps = texthash:\(configuration)/virtual",
            "smtpd_milters = \(options.milters.joined(separator: ", "))",
            "non_smtpd_milters = \(options.localMilters.joined(separator: ", "))",
            "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C",
        ]
        if let file = options.caFile { lines.append("smtp_tls_CAfile = \(file)") }
        // postconf and the daemons take the last of several lines, with a warning: leave the earlier ones out.
        let names = Set(options.settings.compactMap { Self.parameter(in: $0) })
        lines.removeAll { Self.parameter(in: $0).map(names.contains) ?? false }
        return (lines + options.settings).map { $0 + "\n" }.joined()
    }

    func masterConfiguration(_ options: Options) -> String {
        let chroot = options.isChrooted ? "y" : "n"
        let services = [
            "\(address):\(port) inet n - \(chroot) - - smtpd",
            "pickup unix n - n 60 1 pickup",
            "cleanup unix n - \(chroot) - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr",
            "tlsmgr unix - - n 1000? 1 tlsmgr",
            "rewrite unix - - n - - trivial-rewrite",
            "bounce unix - - n - 0 bounce",
            "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce",
            "verify unix - - n - 1 verify",
            "flush unix n - n 1000? 0 flush",
            "proxymap unix - - n - - proxymap",
            "proxywrite unix - - n - 1 proxymap",
            "smtp unix - - \(chroot) - - smtp",
            "relay unix - - \(chroot) - - smtp",
            "showq unix n - n - - showq",
            "error unix - - n - - error",
            "retry unix - - n - - error",
            "discard unix - - n - - discard",
            "local unix - n n - - local",
            "virtual unix - n n - - virtual",
            "lmtp unix - - n - - lmtp",
            "anvil unix - - n - 1 anvil",
            "scache unix - - n - 1 scache",
            "tlsproxy unix - - n - 0 tlsproxy",
            "postlog unix-dgram n - n - 1 postlogd",
        ]
        return (services + options.services).map { $0 + "\n" }.joined()
    }

    /// The name in a main.cf line; nil for a comment or a continuation.
    private static func parameter(in line: String) -> Substring? {
        guard let first = line.first, first.isLetter, let equals = line.firstIndex(of: "=") else { return nil }
        return line[..<equals].prefix { !$0.isWhitespace }
    }
}
