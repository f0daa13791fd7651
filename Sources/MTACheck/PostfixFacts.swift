// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import TLS

/// What `postconf` says of one Postfix.
package struct PostfixFacts: Sendable {
    /// A line of master.cf.
    package struct Service: Sendable, Hashable {
        /// Such as `submission/inet`.
        package let name: String
        /// The program, such as `smtpd`.
        package let program: String
        package let isChrooted: Bool
        /// `-o` options: names and values.
        package var overrides: [String: String] = [:]

        package init(_ name: String, _ program: String, isChrooted: Bool = false, overrides: [String: String] = [:]) {
            self.name = name
            self.program = program
            self.isChrooted = isChrooted
            self.overrides = overrides
        }
    }

    /// The configuration directory.
    package var directory = "/etc/postfix"
    /// Values in force, defaults included, with `$name` expanded.
    package var parameters: [String: String] = [:]
    package var services: [Service] = []
    /// Names of the parameters that main.cf sets.
    package var set: Set<String> = []
    /// What is known of the files and folders of trusted authorities, by their paths.
    package var authorities: [String: AuthorityFinding] = [:]

    package init() {}

    /// Takes the output of `postconf -x`, `postconf -n`, `postconf -M` and `postconf -Px`.
    package init(directory: String, parameters: String, set: String, services: String, overrides: String) {
        self.directory = directory
        self.parameters = Self.assignments(parameters)
        self.set = Set(Self.assignments(set).keys)
        self.services = services.split(separator: "\n").compactMap(Self.service)
        for (key, value) in Self.assignments(overrides) {
            guard let slash = key.lastIndex(of: "/"),
                let index = self.services.firstIndex(where: { $0.name == key[..<slash] })
            else { continue }
            self.services[index].overrides[String(key[key.index(after: slash)...])] = value
        }
    }

    package var versionText: String? { parameters["mail_version"] }
    package var version: PostfixVersion? { versionText.flatMap { PostfixVersion($0) } }
    package var queueDirectory: String {
        self["queue_directory"].isEmpty ? "/var/spool/postfix" : self["queue_directory"]
    }
    package var mainFile: String { directory + "/main.cf" }
    /// Whether this Postfix is one of several on the machine.
    package var isOneOfSeveral: Bool {
        !self["multi_instance_directories"].isEmpty || !self["multi_instance_name"].isEmpty
    }
    var masterFile: String { directory + "/master.cf" }

    /// A parameter's value, empty if Postfix does not know it.
    package subscript(name: String) -> String { parameters[name] ?? "" }

    /// Takes a line of main.cf, as `postconf -e` would.
    package mutating func set(_ name: String, to value: String) {
        set.insert(name)
        // Expanded, as all values here.
        parameters[name] = value.hasPrefix("$") ? self[String(value.dropFirst())] : value
    }

    /// A parameter's value for one service.
    func value(_ name: String, for service: Service) -> String { service.overrides[name] ?? self[name] }

    /// The file of trusted authorities that a client reads before it goes into its chroot; nil for none.
    func authorityFile(for service: Service) -> String? {
        path(value("smtp_tls_CAfile", for: service), inChroot: false)
    }

    /// The folder of trusted authorities as a client sees it, which looks there at each handshake; nil for none.
    func authorityFolder(for service: Service) -> String? {
        path(value("smtp_tls_CApath", for: service), inChroot: service.isChrooted)
    }

    private func path(_ text: String, inChroot: Bool) -> String? {
        guard !text.isEmpty else { return nil }
        if text.hasPrefix("/") && (!inChroot || text.hasPrefix(queueDirectory + "/")) { return text }
        return queueDirectory + (text.hasPrefix("/") ? "" : "/") + text
    }

    /// The clients that deliver by SMTP; without a list of services the one that main.cf alone describes.
    var clients: [Service] {
        let clients = services(running: ["smtp"])
        return clients.isEmpty ? [Service("smtp/unix", "smtp")] : clients
    }

    func isYes(_ name: String) -> Bool { self[name].lowercased() == "yes" }

    func services(running programs: Set<String>) -> [Service] { services.filter { programs.contains($0.program) } }

    private static func assignments(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            values[trimmed(line[..<equals])] = trimmed(line[line.index(after: equals)...])
        }
        return values
    }

    /// `name type private unpriv chroot wakeup maxproc command`.
    private static func service(_ line: Substring) -> Service? {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count >= 8 else { return nil }
        return Service("\(fields[0])/\(fields[1])", String(fields[7]), isChrooted: fields[4] == "y")
    }
}

/// The text without the white space around it.
func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
}

/// A Postfix time such as `30s`, `5m` or `300`: a bare number is seconds; nil for anything else.
func postfixTime(_ text: String) -> Duration? {
    let factors: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    guard let last = text.last else { return nil }
    let factor = factors[last]
    guard let number = Int64(factor == nil ? text[...] : text.dropLast()), (0...1_000_000_000).contains(number) else {
        return nil
    }
    return .seconds(number * (factor ?? 1))
}
