// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Intake
import PolicyMap

/// What of our own settings the MTA's configuration must agree with.
package struct ExpectedConfiguration: Sendable {
    package var enforcement = EnforcementChoice.auto
    package var milterSocket: ListenAddress
    /// The longest that we let the MTA wait for one reply.
    package var waitLimit: Duration
    /// Whether a recipient may get a 451.
    package var defersViolations = true
    /// Nil when the policy map is not served.
    package var mapSocket: ListenAddress?
    /// The map names that are served.
    package var mapForms = PolicyMapSettings.defaultNames
    /// The longest that the map lets Sendmail wait for an answer.
    package var mapWaitLimit = PolicyMapSettings.maxSendmailWaitLimit
    /// Whether the map answers `dane-only`.
    package var putsDANEFirst = true
    /// The name with which probes greet MX hosts; nil where none are probed.
    package var heloName: DomainName?
    /// Where the MTA tells how its deliveries went.
    package var intake = IntakeSettings()

    package init(milterSocket: ListenAddress, waitLimit: Duration) {
        self.milterSocket = milterSocket
        self.waitLimit = waitLimit
    }

    /// Whether the milter counts on the map.
    var needsMap: Bool { enforcement == .milterAndPolicyMap }
    /// Whether the milter goes by the map once it is asked.
    var usesMap: Bool { enforcement != .milter }
    /// What says that the MTA should ask a map that is served, and what follows while it does not.
    var mapIsMeant: String {
        needsMap ? "enforcement = \"milter+policy-map\"" : "sts-milter serves a policy map"
    }
    var whatFollows: String {
        needsMap
            ? "nobody keeps it from a host that does not conform"
            : "the milter guards alone, and defers mail for a single host that does not conform"
    }
}
