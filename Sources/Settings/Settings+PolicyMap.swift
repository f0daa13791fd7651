// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import PolicyMap

extension SettingsReader {
    /// How the policy map is served; nil if it is not.
    mutating func policyMap() -> PolicyMapSettings? {
        guard optionalText("policy_map.socket") != nil, let socket = listenAddress("policy_map.socket") else {
            return nil
        }
        var settings = PolicyMapSettings()
        settings.socket = socket
        if let mode = octal("policy_map.socket_mode") { settings.socketMode = mode }
        settings.socketGroup = optionalText("policy_map.socket_group")
        settings.names = mapNames("policy_map.names")
        settings.services = .ofSystem
        settings.patience = duration("policy_map.wait")
        settings.maxConnections = number("policy_map.max_connections")
        settings.maxLookups = number("policy_map.max_lookups")
        settings.choices.depthOnly = text("policy_map.depth_only") == "secure" ? .secure : .temporary
        settings.choices.sendmailDoesDANE = flag("policy_map.sendmail_dane")
        settings.choices.testingAttributes = flag("policy_map.testing_attributes")
        settings.choices.policyFailureAttributes = flag("policy_map.policy_failure_attributes")
        return settings
    }

    /// What the map says in doubt.
    mutating func mapDesk() -> MapSettings {
        var settings = MapSettings()
        settings.puttingDANEFirst = flag("policy_map.dane")
        settings.onUnknown = text("policy_map.on_unknown") == "temp" ? .temporary : .notFound
        for text in list("policy_map.never") {
            // As the MTA's own configuration has it, brackets and port: that next hop alone.
            if text.contains(where: { "[:".contains($0) }), case .nextHop(let hop) = MapKey(text, services: .ofSystem) {
                settings.neverPolicedHops.insert(hop)
                continue
            }
            do throws(DomainNameError) { settings.neverPoliced.append(try DomainName(text)) } catch {
                report("policy_map.never", "'\(printable(text, limit: 60))': \(error)")
            }
        }
        return settings
    }

    private mutating func mapNames(_ key: String) -> [String: MapForm] {
        var names: [String: MapForm] = [:]
        for entry in list(key) {
            let parts = entry.split(separator: "=", maxSplits: 1)
            if parts.count == 2, let form = MapForm(rawValue: String(parts[1])), !parts[0].contains(" ") {
                names[String(parts[0])] = form
            } else {
                let forms = MapForm.allCases.map(\.rawValue).joined(separator: ", ")
                report(key, "'\(printable(entry, limit: 60))': write \"NAME=FORM\", FORM being one of \(forms)")
            }
        }
        return names
    }
}
