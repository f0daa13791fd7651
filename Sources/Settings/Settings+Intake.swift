// SPDX-License-Identifier: Apache-2.0

/// Where the MTA tells how its deliveries went.
package struct IntakeSettings: Sendable, Hashable {
    /// A log that is followed.
    package enum Log: Sendable, Hashable {
        case journal
        case file(String)
    }

    /// Path of the TLSRPT datagram socket; nil for none.
    package var datagramSocket: String?
    package var datagramSocketMode: UInt32 = 0o660
    package var datagramSocketGroup: String?
    package var postfixLog: Log?
    package var sendmailLog: Log?

    package init() {}

    /// Whether the MTA tells of its sessions at all.
    package var isAny: Bool { datagramSocket != nil || readsLog }
    package var readsLog: Bool { postfixLog != nil || sendmailLog != nil }
}

extension SettingsReader {
    mutating func intake() -> IntakeSettings {
        var settings = IntakeSettings()
        settings.datagramSocket = path("intake.tlsrpt_socket")
        settings.datagramSocketMode = octal("intake.tlsrpt_socket_mode") ?? settings.datagramSocketMode
        settings.datagramSocketGroup = optionalText("intake.tlsrpt_socket_group")
        settings.postfixLog = log("intake.postfix_log")
        settings.sendmailLog = log("intake.sendmail_log")
        return settings
    }

    private mutating func log(_ key: String) -> IntakeSettings.Log? {
        if optionalText(key) == "journal" { return .journal }
        return path(key).map { .file($0) }
    }

    private mutating func path(_ key: String) -> String? {
        guard let path = optionalText(key) else { return nil }
        if path.hasPrefix("/") { return path }
        report(key, "must be an absolute path")
        return nil
    }
}
