// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Reporting

/// What is valid, and does not do what its author may think.
extension Settings {
    /// Values that are good by themselves, and of which one undoes another.
    func warnOfConflicts(_ reader: inout SettingsReader) {
        if milter.lookupWait > Self.longestLookupWait {
            reader.warn(
                \Settings.milter.lookupWait,
                "longer than 9s: Sendmail waits 10 s for a reply, and then acts as if the milter had failed")
        }
        if milter.lookupWait > milter.messageBudget {
            let isGiven = reader.has(\Settings.milter.messageBudget)
            reader.warn(
                isGiven ? \Settings.milter.messageBudget : \Settings.milter.lookupWait,
                "no recipient waits for milter.lookup_wait (\(milter.lookupWait.written)), since all of a message together wait for milter.message_budget (\(milter.messageBudget.written)) at most"
            )
        }
        if gate.dane == .always, dns.trustAnchor == .none {
            reader.warn(
                \Settings.gate.dane, "has no effect with dns.trust_anchor = \"none\": without DNSSEC there is no DANE")
        }
        if policyMapSocket != nil, policyMapOptions.names.isEmpty {
            reader.warn(
                \Settings.policyMapOptions.names,
                "without a name the policy map answers no question: take the key out for the usual names")
        }
        if gate.dane == .always, gate.hostCheck != .probes {
            reader.warn(
                \Settings.gate.dane, "has no effect with probe.enabled = false: no MX host is looked at without probes")
        }
        if milter.transports.isEmpty {
            reader.warn(
                \Settings.milter.transports,
                "no mail is judged, since none of the MTA's transports is named: take the key out for the usual ones")
        }
        if reports.isDaily, reports.obstacle != nil, reader.has(\Settings.reports.givenContact) {
            reader.warn(
                \Settings.reports.givenContact,
                "'\(reports.reporting.contact)' is no address on the Internet, and no reports are sent: write one such as postmaster@example.org"
            )
        }
    }

    /// Milter and policy map know no login: what listens on all addresses is for everybody who reaches the machine.
    func warnOfOpenSockets(_ reader: inout SettingsReader) {
        func warn(_ path: PartialKeyPath<Settings>, _ address: ListenAddress?) {
            guard let address, let local = address.withLoopback else { return }
            reader.warn(
                path,
                "\(address) is open to other machines on all addresses, and there is no login: write \(local), or keep them out by a firewall"
            )
        }
        warn(\Settings.milter.socket, milter.socket)
        warn(\Settings.policyMapSocket, policyMapSocket)
    }

    /// Files and directories that the daemon does without, and then does not do what it is told.
    func warnOfMissingPlaces(_ reader: inout SettingsReader) {
        if case .directory(let path)? = reports.copyPlace { reader.warnOfMissing(\Settings.reports.copyPlace, path) }
        if let path = reports.maildir { reader.warnOfMissing(\Settings.reports.maildir, path) }
        if case .file(let path)? = intake.postfixLog { reader.warnOfMissing(\Settings.intake.postfixLog, path) }
        if case .file(let path)? = intake.sendmailLog { reader.warnOfMissing(\Settings.intake.sendmailLog, path) }
        if case .sendmail = reports.via { reader.warnOfMissing(\Settings.reports.sendmailPath, reports.sendmailPath) }
    }
}

extension ListenAddress {
    /// The same port on loopback, for an address that stands for all of the machine's; nil for others.
    fileprivate var withLoopback: ListenAddress? {
        switch self {
        case .inet(nil, let port), .inet("0.0.0.0", let port): .inet(host: "127.0.0.1", port: port)
        case .inet6(nil, let port), .inet6("::", let port): .inet6(host: "::1", port: port)
        case .inet, .inet6, .unix, .descriptor: nil
        }
    }
}
