// SPDX-License-Identifier: Apache-2.0
import Intake

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
