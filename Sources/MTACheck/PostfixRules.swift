// SPDX-License-Identifier: Apache-2.0
import Basics

/// The rules on Postfix, pure: facts in, findings out.
struct PostfixRules {
    /// Errors that a client may make before Postfix hangs up, below which a few deferred recipients cost a session.
    static let leastHardErrors = 10
    /// What a reply takes beside the lookup itself.
    static let margin: Duration = .seconds(1)

    let facts: PostfixFacts
    let settings: ExpectedConfiguration

    var findings: [Diagnostic] {
        // What a Postfix that sends nothing lacks for sending is no advice.
        if let mail = facts.mailWithoutSMTP, !mail.hasExceptions { return transports() }
        return transports() + milter() + map() + tls() + intake() + routes() + instances()
    }

    func main(_ lines: String...) -> Diagnostic.Cure {
        Diagnostic.Cure(facts.mainFile, lines: lines)
    }

    // MARK: Milter

    func milter() -> [Diagnostic] {
        let services = facts.services(running: ["smtpd"])
        let judging = services.filter { !ours("smtpd_milters", for: $0).isEmpty }
        // Without a list of services main.cf alone decides.
        let isThere = !judging.isEmpty || services.isEmpty && !ours("smtpd_milters", inChroot: false).isEmpty
        guard isThere else { return [missingMilter()] }
        var found = services.filter { !judging.contains($0) }.map(unjudged)
        if ours("non_smtpd_milters", inChroot: cleanupIsChrooted).isEmpty {
            found.append(
                .advice(
                    "milter-local-mail", "mail by sendmail(1) and cron does not pass sts-milter",
                    main("non_smtpd_milters = $smtpd_milters")))
        }
        let entries = judging.flatMap { service in ours("smtpd_milters", for: service).map { (service, $0) } }
        found += first(entries.compactMap { timeout($0.1, facts.value("milter_command_timeout", for: $0.0)) })
        found += first(entries.compactMap { defaultAction($0.1, facts.value("milter_default_action", for: $0.0)) })
        found += first(entries.compactMap { milterProtocol($0.1, $0.0) })
        return found + errorLimit()
    }

    /// The example line for main.cf.
    private var entry: String {
        "{ \(postfixName(of: settings.milterSocket)), default_action=accept, command_timeout=\(neededTimeout) }"
    }

    /// The line with our milter as it should be, and all others as they are.
    private func milters(with old: PostfixMilter) -> String {
        let all = PostfixMilter.list(facts["smtpd_milters"])
        let texts = all.map { $0.socket == old.socket ? entry : $0.text }
        return "smtpd_milters = " + (texts.contains(entry) ? texts : texts + [entry]).joined(separator: ", ")
    }

    private var neededTimeout: String { "\(max(10, settings.waitLimit.components.seconds + 3))s" }

    private var cleanupIsChrooted: Bool { facts.services(running: ["cleanup"]).first?.isChrooted ?? false }

    /// The socket as Postfix dials it; a path inside the queue directory becomes relative, as a chroot wants it.
    func postfixName(of address: ListenAddress, otherwise: String = "unix:sts-milter/milter.sock") -> String {
        guard let endpoint = MTAEndpoint(address) else { return otherwise }
        guard case .unix(let path) = endpoint, path.hasPrefix(facts.queueDirectory + "/") else {
            return endpoint.postfix
        }
        return "unix:" + path.dropFirst(facts.queueDirectory.count + 1)
    }

    private func ours(_ parameter: String, for service: PostfixFacts.Service) -> [PostfixMilter] {
        select(PostfixMilter.list(facts.value(parameter, for: service)), inChroot: service.isChrooted)
    }

    private func ours(_ parameter: String, inChroot: Bool) -> [PostfixMilter] {
        select(PostfixMilter.list(facts[parameter]), inChroot: inChroot)
    }

    private func select(_ milters: [PostfixMilter], inChroot: Bool) -> [PostfixMilter] {
        milters.filter { milter in
            MTAEndpoint(postfix: milter.socket[...], directory: facts.queueDirectory, inChroot: inChroot)
                .map(settings.milterSocket.answers) ?? false
        }
    }

    private func missingMilter() -> Diagnostic {
        let present = facts["smtpd_milters"]
        let others = PostfixMilter.list(present)
        let near = others.first { $0.socket.contains("sts-milter") || $0.socket.hasSuffix(":8890") }
        if let near { return otherSocket(near) }
        if let path = pathOutsideChroot {
            return .problem(
                "milter-socket",
                "no smtpd asks sts-milter, and none could at unix:\(path): smtpd runs in \(facts.queueDirectory) (chroot in master.cf)",
                milterSocket("unix:\(facts.queueDirectory)/sts-milter/milter.sock"))
        }
        let before = present.isEmpty ? "" : present.last == "," ? present + " " : present + ", "
        let text = "no smtpd asks sts-milter: smtpd_milters is " + (present.isEmpty ? "empty" : "'\(present)'")
        let local = ours("non_smtpd_milters", inChroot: cleanupIsChrooted).isEmpty
        return .problem(
            "milter-missing", text,
            Diagnostic.Cure(
                facts.mainFile,
                lines: ["smtpd_milters = \(before)\(entry)"] + (local ? ["non_smtpd_milters = $smtpd_milters"] : [])))
    }

    /// The path of our Unix socket if smtpd does not see it.
    private var pathOutsideChroot: String? {
        guard case .unix(let path) = settings.milterSocket, !path.hasPrefix(facts.queueDirectory + "/"),
            facts.services(running: ["smtpd"]).contains(where: \.isChrooted)
        else { return nil }
        return path
    }

    private func otherSocket(_ milter: PostfixMilter) -> Diagnostic {
        let text = "smtpd_milters has \(milter.socket), but sts-milter listens at \(settings.milterSocket)"
        guard pathOutsideChroot != nil else {
            return .problem("milter-socket", text, main(milters(with: milter)))
        }
        return .problem(
            "milter-socket",
            text + ", which smtpd does not see: it runs in \(facts.queueDirectory) (chroot in master.cf)",
            milterSocket("unix:\(facts.queueDirectory)/\(milter.socket.dropFirst("unix:".count).drop { $0 == "/" })"))
    }

    /// A socket that this Postfix sees from its chroot; for one of several that is none in the chroot of another.
    private func milterSocket(_ place: String) -> Diagnostic.Cure {
        Diagnostic.Cure(
            "sts-milter.toml", "[milter]", "socket = \"\(facts.isOneOfSeveral ? "inet:8890@127.0.0.1" : place)\"")
    }

    private func unjudged(_ service: PostfixFacts.Service) -> Diagnostic {
        let value = service.overrides["smtpd_milters"]
        let how = value.map { "-o smtpd_milters=\($0)" } ?? "smtpd_milters, as seen from its chroot,"
        return .advice(
            "milter-service",
            "service \(service.name): \(how) leaves sts-milter out; right for mail that was judged before, such as a content filter's, and else mail passes unguarded",
            Diagnostic.Cure(
                facts.masterFile, "\(service.name.prefix { $0 != "/" }) ... smtpd",
                "  -o smtpd_milters=\(postfixName(of: settings.milterSocket))"))
    }

    private func timeout(_ milter: PostfixMilter, _ general: String) -> Diagnostic? {
        let text = milter.attributes["command_timeout"] ?? general
        guard let timeout = postfixTime(text), timeout < settings.waitLimit + Self.margin else { return nil }
        return .problem(
            "milter-timeout",
            "Postfix waits \(text) for a reply (command_timeout), sts-milter lets a recipient wait \(settings.waitLimit.components.seconds) s (milter.lookup_wait): slow domains look like a dead milter",
            main(milters(with: milter)))
    }

    private func defaultAction(_ milter: PostfixMilter, _ general: String) -> Diagnostic? {
        let action = milter.attributes["default_action"] ?? general
        guard action == "reject" else { return nil }
        return .problem(
            "milter-default-action", "default_action=reject: mail bounces while sts-milter is down",
            main(milters(with: milter)))
    }

    /// Before version 6 a milter cannot ask for macros: those of Postfix's own list have to do, and have them by default.
    private func milterProtocol(_ milter: PostfixMilter, _ service: PostfixFacts.Service) -> Diagnostic? {
        let text = milter.attributes["protocol"] ?? facts.value("milter_protocol", for: service)
        guard let version = Int(text), version < 6 else { return nil }
        let given = facts.value("milter_rcpt_macros", for: service).split { $0 == "," || $0.isWhitespace }
        let missing = SendmailRules.neededMacros.filter { !given.contains($0[...]) }
        let cure = main(milter.attributes["protocol"] == nil ? "milter_protocol = 6" : milters(with: milter))
        guard missing.isEmpty else {
            return .problem(
                "milter-protocol",
                "milter_protocol = \(version): sts-milter cannot ask for its macros, and milter_rcpt_macros lacks \(missing.joined(separator: " and ")): it judges by the recipient's domain, not by the next hop",
                cure)
        }
        return .advice(
            "milter-protocol",
            "milter_protocol = \(version): sts-milter cannot ask for its macros, and depends on what milter_rcpt_macros and its like name",
            cure)
    }

    private func errorLimit() -> [Diagnostic] {
        guard settings.defersViolations, let limit = Int(facts["smtpd_hard_error_limit"]), limit < Self.leastHardErrors
        else { return [] }
        return [
            .advice(
                "hard-error-limit",
                "smtpd_hard_error_limit = \(limit): each deferred recipient counts as an error, so a message to many of them ends the session",
                main("smtpd_hard_error_limit = ${stress?{1}:{20}}"))
        ]
    }

    private func first(_ findings: [Diagnostic]) -> ArraySlice<Diagnostic> { findings.prefix(1) }
}
