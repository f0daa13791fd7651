// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Courier
import DNS
import Discovery
import Fleet
import Intake
import MTASTS
import Milter
import PolicyMap
import Preload
import Reporting

// What texts may stand behind keys, and what an error says of others.

/// Longest part of a wrong value that an error quotes.
private let quotedLimit = 80

/// A wrong value as an error quotes it.
private func shown(_ text: String) -> String { "'\(printable(text, limit: quotedLimit))'" }

extension SettingType<String> {
    static var path: Self { text(absolute, write: { $0 }, else: { _ in "must be an absolute path" }) }

    static func path(such example: String) -> Self {
        text(absolute, write: { $0 }, else: { _ in "must be an absolute path such as \(quotedText(example))" })
    }

    private static var absolute: @Sendable (String) -> String? { { $0.hasPrefix("/") ? $0 : nil } }
}

extension SettingType<String?> {
    /// The path of a Unix socket, written as other sockets are as well; empty for none.
    static var unixSocket: Self {
        text(
            { text in
                if text.isEmpty { return .some(nil) }
                guard case .unix(let path) = try? ListenAddress(text) else { return nil }
                return .some(path)
            }, write: { $0 ?? "" },
            else: {
                "\(shown($0)) is no path of a unix socket: write \"/run/sts-milter/control.sock\", or \"\" for none"
            })
    }
}

extension SettingType<Set<String>> {
    /// Names in any order; the example shows those of `order` in theirs.
    static func names(inOrder order: [String]) -> Self {
        SettingType<[String]>.list(of: .text).map({ Set($0) }, write: { names in order.filter(names.contains) })
    }
}

extension SettingType<UInt32> {
    /// Permissions of a file.
    static var mode: Self {
        text(
            { text in UInt32(text, radix: 8).flatMap { $0 <= 0o777 ? $0 : nil } },
            write: { "0" + String($0, radix: 8) }, else: { _ in "must be an octal mode such as \"0660\"" })
    }
}

extension SettingType<ListenAddress> {
    static var socket: Self { text(ListenAddress.init(_:), else: { "\($1)" }) }
}

extension SettingType<DomainName> {
    static func domain(such example: String) -> Self {
        text(DomainName.init(_:), else: { "\(shown($0)): \($1); write a name such as \(quotedText(example))" })
    }
}

extension SettingType<[DomainName]> {
    /// Domains that are looked at each day are few: each look dials all hosts of one.
    private static var maxOwnDomains: Int { 100 }

    static var ownDomains: Self {
        SettingType(
            read: { value throws(WrongValue) in
                let domains = try SettingType<[DomainName]>.list(of: .domain(such: "example.org")).read(value)
                guard domains.count <= maxOwnDomains else { throw WrongValue("more than \(maxOwnDomains) domains") }
                return domains
            }, write: { "[\($0.map { quotedText($0.ascii) }.joined(separator: ", "))]" })
    }
}

extension SettingType<FleetServer> {
    static var fleetServer: Self {
        text(
            FleetServer.init(_:),
            else: { "\($1); write a connection string such as \(quotedText("host=db dbname=sts user=sts_milter"))" })
    }
}

extension SettingType<[DomainName]> {
    /// Machines of one organisation.
    static var hosts: Self {
        SettingType<[DomainName]>.list(of: .domain(such: "mx2.example.org"))
    }
}

extension SettingType<DomainPattern> {
    static var domainPattern: Self {
        text(DomainPattern.init(_:), else: { "\($1); write \"example.org\" or \".example.org\"" })
    }
}

extension SettingType<MXPattern> {
    static var mxPattern: Self {
        text(MXPattern.init(_:), else: { "\(shown($0)): \($1); write \"mx.example.org\" or \"*.example.org\"" })
    }
}

extension SettingType<Mailbox> {
    static var mailbox: Self {
        text(
            Mailbox.init(_:), write: \.description,
            else: { "\(shown($0)) is not a mail address; write \"tlsrpt@example.org\"" })
    }
}

extension SettingType<ReportCopyPlace> {
    static var copyPlace: Self {
        text(
            ReportCopyPlace.init(_:), write: \.description,
            else: { "\(shown($0)) is neither an absolute path nor a mail address; write \"/var/lib/sts-milter/sent\"" })
    }
}

extension SettingType<IPNetwork> {
    static var network: Self {
        text(
            IPNetwork.init(_:), write: \.description,
            else: { "\(shown($0)) is not a network; write \"192.0.2.0/24\"" })
    }
}

extension SettingType<UTCDay> {
    static var day: Self {
        text(UTCDay.init(_:), write: \.description, else: { "\(shown($0)) is not a day; write \"2026-12-31\"" })
    }
}

extension SettingType<String?> {
    static var dnsServer: Self {
        text(
            { text -> String?? in DNSSettings.isServer(text) ? .some(text) : .none }, write: { $0 },
            else: { "\(shown($0)) is no address, or address@port; write \"127.0.0.1@53\"" })
    }
}

extension SettingType<DNSSettings.TrustAnchor> {
    /// A file, or `none`; without either the system's.
    static var trustAnchor: Self {
        text(
            { $0 == "none" ? DNSSettings.TrustAnchor.none : .file($0) },
            write: { anchor in
                switch anchor {
                case .system: nil
                case .file(let path): path
                case .none: "none"
                }
            }, else: { $0 })
    }
}

extension SettingType<IntakeSettings.Log> {
    static var log: Self {
        text(
            { $0 == "journal" ? .journal : $0.hasPrefix("/") ? .file($0) : nil },
            write: { log in
                switch log {
                case .journal: "journal"
                case .file(let path): path
                }
            }, else: { _ in "must be an absolute path" })
    }
}

extension SettingType<PreloadSettings.Location> {
    static var location: Self {
        text(
            { text in
                let location = PreloadSettings.Location(text)
                return switch location {
                case .file(let path): path.hasPrefix("/") ? location : nil
                case .url(let url): WebPlace(url) == nil ? nil : location
                }
            }, write: \.description,
            else: {
                "\(shown($0)): write an absolute path, or a URL such as \"https://lists.example.org/policy.json\""
            })
    }
}

/// One entry of `policy_map.names`.
private struct MapName: Sendable {
    let name: String
    let form: MapForm

    init(name: String, form: MapForm) {
        self.name = name
        self.form = form
    }

    init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let form = MapForm(rawValue: parts[1]), !parts[0].contains(" " as Character) else {
            return nil
        }
        self.init(name: parts[0], form: form)
    }
}

extension SettingType<[String: MapForm]> {
    static var mapNames: Self {
        let name = SettingType<MapName>.text(
            MapName.init(_:), write: { "\($0.name)=\($0.form.rawValue)" },
            else: {
                let forms = MapForm.allCases.map(\.rawValue).joined(separator: ", ")
                return "\(shown($0)): write \"NAME=FORM\", FORM being one of \(forms)"
            })
        return SettingType<[MapName]>.list(of: name).map(
            { names in Dictionary(names.map { ($0.name, $0.form) }) { $1 } },
            write: { names in names.sorted { $0.key < $1.key }.map { MapName(name: $0.key, form: $0.value) } })
    }
}

/// One entry of `policy_map.never`.
enum NextHopException: Sendable, Hashable, CustomStringConvertible {
    /// A name and all names below it.
    case within(DomainName)
    case hop(NextHop)

    /// A text with brackets or a port is as the MTA's own configuration has it, and means that next hop alone.
    init(_ text: String) throws(DomainNameError) {
        if text.contains(where: { "[:".contains($0) }), case .nextHop(let hop) = MapKey(text, services: .ofSystem) {
            self = .hop(hop)
        } else {
            self = .within(try DomainName(text))
        }
    }

    var description: String {
        switch self {
        case .within(let domain): domain.ascii
        case .hop(let hop): "\(hop)"
        }
    }
}

extension SettingType<NextHopException> {
    static var nextHop: Self { text(NextHopException.init(_:), else: { "\(shown($0)): \($1)" }) }
}

extension SettingType<NeverList> {
    /// Who gets no reports.
    static var recipients: Self {
        SettingType(
            read: { value throws(WrongValue) in
                var list = NeverList()
                let wrong = try SettingType<[String]>.list(of: .text).read(value).filter { !list.add($0) }
                guard wrong.isEmpty else {
                    throw WrongValue(
                        wrong.map { "\(shown($0)) is neither a domain nor a mail address nor an https: URL" })
                }
                return list
            }, write: { $0 == NeverList() ? "[]" : nil })
    }
}

extension SettingType<ReportSettings.Via> {
    static var submission: Self {
        text(
            { text in
                if text == "sendmail" { return .sendmail }
                return text.hasPrefix("/") ? nil : (try? Submission(text)).map { .submission($0) }
            },
            write: { via in
                switch via {
                case .sendmail, .submission(.sendmail): "sendmail"
                case .submission(.smtp(let host, let port)): "smtp:\(host):\(port)"
                }
            },
            else: {
                "must be \"sendmail\" or \"smtp:HOST:PORT\""
                    + ($0.hasPrefix("/") ? "; the program is report.sendmail_path" : "")
            })
    }
}
