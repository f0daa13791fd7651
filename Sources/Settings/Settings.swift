// SPDX-License-Identifier: Apache-2.0
import Basics
import Intake
import Core
import Courier
import DNS
import EventLog
import Discovery
import Logging
import Mail
import Milter
import PolicyMap
import Preload
import Probe

/// All settings of the daemon, checked and ready for the modules that take them.
package struct Settings: Sendable {

    package var gate = GateSettings()
    package var keeper = PolicyCacheSettings()
    package var milter = MilterSettings()
    package var discovery = DiscoverySettings()
    package var probe: ProbeSettings
    package var dns: DNSSettings
    package var dnsTimeout: Duration = .seconds(10)
    package var caFile = ""
    package var heloName: DomainName
    /// Nil when the policy map is not served.
    package var policyMap: PolicyMapSettings?
    package var mapDesk = MapSettings()
    /// The policies that the operator gives, `[[policy]]`.
    package var localPolicies = LocalPolicies()
    /// Nil for no list.
    package var preload: PreloadSettings?
    package var intake = IntakeSettings()
    package var storePath = ""
    package var reports: ReportSettings
    /// Path of the control socket; nil for none.
    package var controlSocket: String?
    package var logLevel = Logger.Level.info
    package var logTarget = LogTarget.stderr
    /// What the administrator should know although the file is valid.
    package var warnings: [SettingsProblem] = []

    /// The version that `--version`, the log and the User-Agent tell.
    package static let version = "0.1.0"

    /// Reads and checks a settings file.
    package init(path: String) throws(SettingsError) { try self.init(SettingsFile(path: path)) }

    /// Checks what was read; every problem is found at once.
    package init(_ file: SettingsFile) throws(SettingsError) {
        var reader = SettingsReader(file)
        warnings = file.warnings
        heloName = reader.heloName("network.helo_name")
        let anchor = reader.optionalText("dns.trust_anchor")
        dns = DNSSettings(forwarder: reader.optionalText("dns.forwarder"), trustAnchorFile: anchor)
        if anchor == "none" { dns.trustAnchor = .none }
        dnsTimeout = reader.duration("dns.timeout")
        caFile = reader.text("tls.ca_file")
        let allowPrivate = reader.text("network.private_addresses") == "allow"
        probe = ProbeSettings(heloName: heloName.ascii)
        reports = reader.reports(from: heloName, allowPrivate: allowPrivate)
        readProbe(&reader, allowPrivate: allowPrivate)
        readDiscovery(&reader, allowPrivate: allowPrivate)
        readGate(&reader)
        readMilter(&reader)
        policyMap = reader.policyMap()
        mapDesk = reader.mapDesk()
        localPolicies = reader.localPolicies(warnings: &warnings)
        preload = reader.preload()
        intake = reader.intake()
        storePath = reader.text("store.path")
        controlSocket = reader.optionalText("control.socket").flatMap { $0.isEmpty ? nil : $0 }
        logLevel = Logger.Level(rawValue: reader.text("log.level")) ?? .info
        logTarget = LogTarget(rawValue: reader.text("log.target")) ?? .stderr
        guard reader.problems.isEmpty else {
            throw SettingsError(problems: reader.problems.sorted { $0.line < $1.line })
        }
    }

    private mutating func readProbe(_ reader: inout SettingsReader, allowPrivate: Bool) {
        probe.allowsPrivateAddresses = allowPrivate
        probe.greetingTimeout = reader.duration("probe.greeting_timeout")
        probe.dialogueTimeout = reader.duration("probe.timeout")
        probe.maxConcurrent = reader.number("probe.max_probes")
        probe.dnsTimeout = dnsTimeout
    }

    private mutating func readDiscovery(_ reader: inout SettingsReader, allowPrivate: Bool) {
        discovery.fetchDeadline = reader.duration("policy.fetch_timeout")
        discovery.maxFetches = reader.number("policy.max_fetches")
        discovery.allowPrivateAddresses = allowPrivate
        discovery.dnsTimeout = dnsTimeout
        discovery.userAgent = "sts-milter/\(Self.version)"
        keeper.recordCheckInterval = reader.duration("policy.txt_check_interval")
        keeper.refreshInterval = reader.duration("policy.refresh_interval")
        keeper.absentFor = reader.duration("policy.absent_for")
    }

    private mutating func readGate(_ reader: inout SettingsReader) {
        gate.enforcement = Enforcement(rawValue: reader.text("enforcement")) ?? .milter
        gate.scrutiny = reader.flag("probe.enabled") ? .probes : .namesOnly
        gate.conformingFor = reader.duration("probe.conforming_for")
        gate.failingFor = reader.duration("probe.failing_for")
        gate.unreachableFor = gate.failingFor
    }

    private mutating func readMilter(_ reader: inout SettingsReader) {
        milter.onViolation = ViolationAction(rawValue: reader.text("on_violation")) ?? .defer
        milter.onUnknown = UnknownAction(rawValue: reader.text("on_unknown")) ?? .accept
        milter.onUnproven =
            reader.optionalText("on_unproven").flatMap(UnknownAction.init(rawValue:))
            ?? .whereUnproven(under: gate.enforcement)
        if let socket = reader.listenAddress("milter.socket") { milter.socket = socket }
        if let mode = reader.octal("milter.socket_mode") { milter.socketMode = mode }
        milter.socketGroup = reader.optionalText("milter.socket_group")
        milter.lookupWait = reader.duration("milter.lookup_wait")
        milter.messageBudget = reader.duration("milter.message_budget")
        milter.maxWaiting = reader.number("milter.max_waiting")
        milter.localSubmission = LocalSubmissionAction(rawValue: reader.text("milter.local_submission")) ?? .log
        milter.transports = Set(reader.list("milter.transports"))
        milter.services = .ofSystem
        milter.tlsRequiredNo = reader.flag("milter.tls_required_no")
        milter.rules = reader.rules()
        milter.reportSender = EnvelopeAddress(reports.reporting.contact.description)
        for key in reports.courier.dkim {
            if let exposure = DKIMKey.exposure(of: key.keyFile) {
                warnings.append(reader.file.problem("report.dkim_key", exposure))
            }
        }
        let patience: Duration = .seconds(9)
        if milter.lookupWait > patience {
            warnings.append(
                reader.file.problem(
                    "milter.lookup_wait",
                    "longer than 9s: Sendmail waits 10 s for a reply, and then acts as if the milter had failed"))
        }
    }
}
