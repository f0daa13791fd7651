// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS
import Discovery
import EventLog
import Fleet
import Intake
import Logging
import Milter
import PolicyMap
import Preload
import Probe
import Sockets
import StatusPage

/// All settings of the daemon, checked and ready for the modules that take them.
///
/// Each key of the file is declared once, in ``keys`` (Settings+Keys.swift) or in its block's (PinBlock, RuleBlock), as a
/// ``Setting``: its name, its type, the place where its value goes, whether a new value needs a restart, and a sentence for
/// the operator. Its default is what that place holds before a file is read. All else follows from the declarations:
///
/// 1. ``SettingsFile`` reads TOML, of one file or several, and knows the line of each key.
/// 2. ``SettingsReader`` takes each value to its place, by way of its key's ``SettingType``. A key that is not declared,
///    or a value not of its type, is a problem with its line and the cure. All problems are found at once.
/// 3. ``init(_:)`` adds what follows from several keys together, and throws the problems.
/// 4. ``keepUntilRestart(_:)`` tells a reload which keys stay as they are.
/// 5. ``exampleSettings()`` writes the example file, from which `docs/settings-man` makes the manual page.
package struct Settings: SettingsTable {
    /// The version that `--version`, the log and the User-Agent tell.
    package static let version = "0.1.0"
    /// Below these a daemon makes the directory of its sockets and its database where nobody else did.
    package static let ownDirectories: Set = ["/run", "/var/run", "/var/lib"]
    /// Sendmail waits 10 s for a reply.
    static let longestLookupWait = Duration.seconds(9)

    package var gate = GateSettings()
    package var policyCache = PolicyCacheSettings()
    package var milter = MilterSettings()
    package var discovery = DiscoverySettings()
    package var probe: ProbeSettings
    package var dns = DNSSettings()
    package var dnsTimeout: Duration
    package var caFile = "/etc/ssl/certs/ca-certificates.crt"
    package var heloName: DomainName
    package var mapAnswers = MapQuestionSettings()
    /// The policies that the operator gives, `[[pin]]`.
    package var localPolicies = LocalPolicies()
    /// Nil for no list.
    package var preload: PreloadSettings?
    package var intake = IntakeSettings()
    package var storePath = "/var/lib/sts-milter/sts-milter.sqlite"
    /// How long it is kept what was decided about each message; zero for not at all.
    package var explainFor = Duration.seconds(86_400)
    package var reports: ReportSettings
    /// Nil where this machine is a sender of its own.
    package var fleet: FleetSettings? {
        guard let fleetServer else { return nil }
        var settings = FleetSettings(server: fleetServer)
        settings.wait = fleetWait
        return settings
    }
    /// Domains of the operator's own, which are looked at as others see them.
    package var watched: [DomainName] = []
    /// Path of the control socket; nil for none.
    package var controlSocket: String? = "/run/sts-milter/control.sock"
    package var logLevel = Logger.Level.info
    package var logTarget = LogTarget.stderr
    /// What the administrator should know although the file is valid.
    package private(set) var warnings: [SettingsProblem] = []
    /// What keeps a daemon from starting as things are now, although the file is valid. The daemon finds out by itself, and
    /// is started again: a disk may come late.
    package private(set) var obstacles: [SettingsProblem] = []

    /// Whether policies are looked at and held against nobody, by the milter and by the policy map.
    package var isDryRun: Bool { milter.onViolation == .log }

    /// Nil when the policy map is not served.
    package var policyMap: PolicyMapSettings? {
        guard let policyMapSocket else { return nil }
        var settings = policyMapOptions
        settings.socket = policyMapSocket
        settings.services = milter.services
        return settings
    }

    /// Nil when the status page is not served.
    package var statusPage: StatusPageSettings? {
        guard let statusSocket else { return nil }
        var settings = StatusPageSettings(socket: statusSocket)
        settings.socketMode = statusSocketMode
        settings.socketGroup = statusSocketGroup
        return settings
    }

    // What the file has of settings that are completed later.
    var fleetServer: FleetServer?
    var fleetWait = FleetSettings.usualWait
    var statusSocket: ListenAddress?
    var allowsRemoteStatus = false
    var statusSocketMode = UnixSocket.defaultMode
    var statusSocketGroup: String?
    var policyMapSocket: ListenAddress?
    var policyMapOptions = PolicyMapSettings()
    var preloadOptions = PreloadOptions()
    var onUnproven: UnknownAction?
    var allowsPrivateAddresses = false
    var givenHeloName: DomainName?

    /// The defaults, on a host of this name.
    init(host: DomainName = .localhost) {
        heloName = host
        dnsTimeout = discovery.dnsTimeout
        probe = ProbeSettings(heloName: host.ascii)
        reports = ReportSettings(host: host)
    }

    /// Reads and checks a settings file and those of its `conf.d`.
    package init(path: String) throws(SettingsError) { try self.init(SettingsFile(path: path)) }

    /// Checks what was read; every problem is found at once.
    package init(_ file: SettingsFile) throws(SettingsError) {
        self.init()
        var reader = SettingsReader(file)
        reader.read(into: &self, blocks: [RuleBlock.name, PinBlock.name])
        milter.rules = reader.rules()
        localPolicies = reader.pins(at: SystemClock().now)
        heloName = givenHeloName ?? .host
        reader.complete(&reports, host: heloName)
        preload = reader.preload(preloadOptions)
        complete()
        refuseUnguarded(&reader)
        warnOfConflicts(&reader)
        warnOfOpenSockets(&reader)
        warnOfMissingPlaces(&reader)
        if fleetServer != nil, reports.schedule == .export {
            reader.refuse(
                \Settings.fleetServer,
                "counts go to the fleet, or by report.schedule = \"export\" to another machine, not both")
        }
        if let statusSocket, !statusSocket.isLocal, !allowsRemoteStatus {
            reader.refuse(
                \Settings.statusSocket,
                "other machines can reach \(statusSocket), and there is no login: write an address of loopback or a unix socket, or set status.remote = true"
            )
        }
        refuseClashes(&reader)
        lookAtFiles(&reader)
        warnings = reader.warnings
        obstacles = reader.obstacles
        guard reader.problems.isEmpty else {
            throw SettingsError(problems: reader.problems.sorted { ($0.file, $0.line) < ($1.file, $1.line) })
        }
    }

    /// Files, directories and groups that keep a daemon from starting.
    private func lookAtFiles(_ reader: inout SettingsReader) {
        reader.obstructMissing(\Settings.caFile, caFile)
        reader.obstructWithoutCertificate(\Settings.caFile, caFile)
        if case .file(let path) = dns.trustAnchor { reader.obstructMissing(\Settings.dns.trustAnchor, path) }
        reader.obstructUnknownGroup(\Settings.milter.socketGroup, milter.socketGroup)
        reader.obstructUnknownGroup(\Settings.policyMapOptions.socketGroup, policyMapOptions.socketGroup)
        reader.obstructUnknownGroup(\Settings.intake.datagramSocketGroup, intake.datagramSocketGroup)
        reader.obstructUnknownGroup(\Settings.statusSocketGroup, statusSocketGroup)
        reader.obstructStore(\Settings.storePath, storePath)
        reader.warnOfMissingDirectory(\Settings.milter.socket, milter.socket)
        reader.warnOfMissingDirectory(\Settings.controlSocket, controlSocket.map { .unix(path: $0) })
        reader.warnOfMissingDirectory(\Settings.policyMapSocket, policyMapSocket)
        reader.warnOfMissingDirectory(\Settings.statusSocket, statusSocket)
    }

    /// Nobody would guard deliveries where the milter is told to leave them to a map that is not served.
    private func refuseUnguarded(_ reader: inout SettingsReader) {
        guard gate.enforcement == .milterAndPolicyMap, !reader.has(\Settings.policyMapSocket) else { return }
        reader.refuse(
            \Settings.gate.enforcement,
            "no policy map is served, so that nobody would guard deliveries: set policy_map.socket, or enforcement = \"auto\""
        )
    }

    /// Two servers cannot have one address.
    private func refuseClashes(_ reader: inout SettingsReader) {
        let servers: [(path: PartialKeyPath<Settings>, address: ListenAddress?)] = [
            (\.milter.socket, milter.socket), (\.controlSocket, controlSocket.map { .unix(path: $0) }),
            (\.policyMapSocket, policyMapSocket), (\.statusSocket, statusSocket),
        ]
        var taken: Set<ListenAddress> = []
        for (path, address) in servers {
            guard let address, address.isOne, !taken.insert(address).inserted else { continue }
            reader.refuse(path, "\(address) is the address of another socket as well; write one of its own")
        }
    }

    /// Hands on what several modules want, and what one key says by another.
    private mutating func complete() {
        gate.unreachableFor = gate.failingFor
        mapAnswers.probesHosts = gate.hostCheck == .probes
        mapAnswers.isDryRun = isDryRun
        // Without DNSSEC there is no DANE to put first.
        if dns.trustAnchor == .none { mapAnswers.puttingDANEFirst = false }
        milter.onUnproven = onUnproven ?? (isDryRun ? .accept : nil)
        milter.onUnprovenDANE = onUnproven ?? (isDryRun ? .accept : .whereUnproven(under: .milter))
        milter.isGuardedByMap = isGuardedByMap
        milter.services = .ofSystem
        milter.keepsDecisions = explainFor > .zero
        milter.reportSender = EnvelopeAddress(reports.reporting.contact.description)
        probe.heloName = heloName.ascii
        probe.allowsPrivateAddresses = allowsPrivateAddresses
        probe.dnsTimeout = dnsTimeout
        discovery.allowPrivateAddresses = allowsPrivateAddresses
        discovery.dnsTimeout = dnsTimeout
        discovery.userAgent = "sts-milter/\(Self.version)"
        reports.courier.allowPrivateAddresses = allowsPrivateAddresses
        reports.courier.userAgent = discovery.userAgent
    }

    /// What the map is never to hold is the milter's alone; and in a dry run it holds nothing.
    private var isGuardedByMap: Bool {
        gate.enforcement != .milter && policyMap != nil && mapAnswers.never.isEmpty && !isDryRun
    }

    /// Keeps the values of a running daemon for the keys that only a restart can change.
    /// - Returns: the keys whose new value has to wait for one.
    package mutating func keepUntilRestart(_ running: Settings) -> [String] {
        var waiting: [String] = []
        for setting in Self.keys where setting.effect == .restart {
            if setting.keep(running, in: &self) { waiting.append(setting.key) }
        }
        // A map that comes with the restart guards nothing before.
        if gate.enforcement == .milterAndPolicyMap, policyMapSocket == nil {
            gate.enforcement = running.gate.enforcement
            waiting.append("enforcement")
        }
        milter.isGuardedByMap = isGuardedByMap
        return waiting
    }
}

extension MapQuestionSettings {
    /// `policy_map.never`: both kinds of next hops that never have a policy.
    var never: [NextHopException] {
        get { neverPoliced.map { .within($0) } + neverPolicedHops.map { .hop($0) } }
        set {
            neverPoliced = newValue.compactMap { if case .within(let domain) = $0 { domain } else { nil } }
            neverPolicedHops = Set(newValue.compactMap { if case .hop(let hop) = $0 { hop } else { nil } })
        }
    }
}
