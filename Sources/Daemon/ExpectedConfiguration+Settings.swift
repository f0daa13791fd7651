// SPDX-License-Identifier: Apache-2.0
import MTACheck
import Settings

extension ExpectedConfiguration {
    /// What the daemon's settings say.
    package init(_ settings: Settings) {
        self.init(
            milterSocket: settings.milter.socket,
            // With the header TLS-Required the verdicts of a whole message come at once.
            patience: settings.milter.tlsRequiredNo ? settings.milter.messageBudget : settings.milter.lookupWait)
        enforcement = settings.gate.enforcement
        defersViolations = settings.milter.onViolation == .defer
        putsDANEFirst = settings.mapAnswers.puttingDANEFirst
        intake = settings.intake
        guard let map = settings.policyMap else { return }
        mapSocket = map.socket
        mapForms = map.names
        mapPatience = map.sendmailWaitLimit
    }
}
