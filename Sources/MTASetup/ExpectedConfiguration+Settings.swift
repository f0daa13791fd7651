// SPDX-License-Identifier: Apache-2.0
import DNS
import MTACheck
import Settings

extension ExpectedConfiguration {
    /// What the daemon's settings say.
    package init(_ settings: Settings) {
        self.init(
            milterSocket: settings.milter.socket,
            // With the header TLS-Required the verdicts of a whole message come at once.
            waitLimit: settings.milter.tlsRequiredNo ? settings.milter.messageBudget : settings.milter.lookupWait)
        enforcement = settings.gate.enforcement
        defersViolations = settings.milter.onViolation == .defer
        // Without a trust anchor nothing is secure, and the map never answers dane-only.
        putsDANEFirst = settings.mapAnswers.puttingDANEFirst && settings.dns.trustAnchor != .none
        heloName = settings.gate.hostCheck == .probes ? settings.heloName : nil
        intake = settings.intake
        guard let map = settings.policyMap else { return }
        mapSocket = map.socket
        mapForms = map.names
        mapWaitLimit = map.sendmailWaitLimit
    }
}
