// SPDX-License-Identifier: Apache-2.0
import Testing

@Suite("The manual knows each line of the log, with its level")
struct LogLineTests {
    private static let page = "docs/manual/log-lines.md"

    /// Where messages stand that a call does not give as a literal.
    private enum Origin {
        /// The literals of a declaration, in a file or wherever it stands.
        case declaration(String, in: String? = nil)
        /// The first arguments of all calls of a function in a module.
        case calls(String, in: String)
        /// One of several literals of a file.
        case literal(String, in: String)
        /// The form of lines that are made in many places and logged in a file.
        case form(String, in: String)
    }

    private static let origins: [LogCalls.Indirect: Origin] = [
        .init("PolicyLoader.swift", "message"): .calls("warn(", in: "Sources/Store/"),
        .init("DatagramReceiver.swift", "a value"): .declaration("func warning", in: "DatagramQueue.swift"),
        .init("RateLimitedLog.swift", "warning.message"): .declaration("var message: Logger.Message"),
        .init("Service.swift", "a value"): .form("FILE:LINE: ...", in: "Service.swift"),
        .init("Network.swift", "a value"): .literal(
            "DKIM key ... has ... bits; receivers may ignore it: make one of 2048", in: "DKIMKey.swift"),
        .init("ReportScheduler.swift", "a value"): .declaration("var obstacle", in: "ReportSettings.swift"),
        .init("DNSSECUse.swift", "a value"): .declaration("var text", in: "DNSSECUse.swift"),
    ]

    /// Literals of those declarations that are said by `status` alone.
    private static let unlogged: Set<String> = [
        "DNSSEC is validated", "DNSSEC is not validated and DANE is off, as dns.trust_anchor says",
    ]

    /// Written without a logger: by the log itself, and for each mail.
    private static let ownLines = [
        LogCall(
            message: "... log lines dropped, ... of them warnings or errors, the reader of the log is too slow",
            level: "warning", file: "LogWriter.swift"),
        LogCall(message: "verdict", level: "info", file: "Sources/Milter/VerdictLog.swift"),
        LogCall(message: "verdict", level: "debug", file: "Sources/Milter/VerdictLog.swift"),
    ]

    private struct Documented: Hashable {
        let message: String
        let levels: Set<String>
        let keys: [String]
    }

    private static func documented() throws -> [Documented] {
        try MarkdownPage(page).rows.flatMap { cells -> [Documented] in
            let levels = cells.count > 1 ? Set(cells[1].split(separator: ", ").map(String.init)) : []
            guard !levels.isEmpty, levels.isSubset(of: LogCalls.levels) else { return [] }
            return MarkdownPage.spans(cells[0]).map { span in
                let keys = span.matches(of: /\ ([a-z][A-Za-z_-]*)=/).map { String($0.1) }
                let end = span.firstRange(of: /\ [a-z][A-Za-z_-]*=/)?.lowerBound ?? span.endIndex
                return Documented(message: String(span[..<end]), levels: levels, keys: keys)
            }
        }
    }

    private static func logged() -> [LogCall] {
        let found = LogCalls.found.indirect.flatMap { call in
            origins[call].map { Self.messages(at: $0) }?.map { message, file in
                LogCall(message: message, level: call.level, file: file)
            } ?? []
        }
        return LogCalls.found.direct + ownLines + found.filter { !unlogged.contains($0.message) }
    }

    private static func messages(at origin: Origin) -> [(text: String, file: String)] {
        Project.sources.flatMap { source -> [(text: String, file: String)] in
            let texts: [String]
            switch origin {
            case .declaration(let name, let file):
                guard file == nil || file == source.name else { return [] }
                texts = source.body(of: name).map(source.literals(in:)) ?? []
            case .calls(let name, let folder):
                guard source.path.hasPrefix(folder) else { return [] }
                texts = source.code.ranges(of: name).flatMap {
                    source.literals(in: LogCalls.firstArgument(source.code[$0.upperBound...]))
                }
            case .literal(let text, let file):
                guard file == source.name else { return [] }
                texts = source.literals.filter { $0 == text }
            case .form(let text, let file): texts = file == source.name ? [text] : []
            }
            return texts.map { ($0, source.path) }
        }
    }

    @Test("no call logs a text of which this test does not know where it stands")
    func indirect() {
        for call in LogCalls.found.indirect {
            #expect(Self.origins[call] != nil, "\(call): say in `origins` where its texts are")
        }
        for (call, origin) in Self.origins {
            #expect(!Self.messages(at: origin).isEmpty, "\(call): nothing stands at \(origin)")
            #expect(LogCalls.found.indirect.contains(call), "\(call) is logged no more")
        }
    }

    @Test("each notice, warning, error and critical line stands in the manual, with its level")
    func documentedAll() throws {
        let documented = try Self.documented()
        let logged = Dictionary(grouping: Self.logged(), by: \.message)
        #expect(logged.count > 80, "the sources are not read rightly")
        for (message, calls) in logged.sorted(by: { $0.key < $1.key }) {
            let levels = Set(calls.map(\.level))
            guard !levels.isSubset(of: ["debug", "info"]) else { continue }
            let rows = documented.filter { $0.message == message }
            #expect(!rows.isEmpty, "\(Self.page) has no line for \(calls)")
            for row in rows { #expect(row.levels == levels, "\(message): the sources say \(levels)") }
        }
    }

    @Test("no line of the manual is missing from the sources")
    func loggedAll() throws {
        let logged = Dictionary(grouping: Self.logged(), by: \.message)
        let documented = try Self.documented()
        #expect(documented.count > 60, "\(Self.page) is not read rightly")
        for row in documented {
            #expect(logged[row.message] != nil, "nothing logs '\(row.message)'")
            #expect(row.levels == Set((logged[row.message] ?? []).map(\.level)), "\(row.message)")
        }
    }

    @Test("the keys that the manual names are those of the module that logs the line")
    func keys() throws {
        let logged = Dictionary(grouping: Self.logged(), by: \.message)
        for row in try Self.documented() {
            let files = (logged[row.message] ?? []).map(\.file)
            let modules = Set(files.compactMap { $0.split(separator: "/").dropFirst().first })
            let words = Set(
                Project.sources.filter { source in modules.contains { source.path.hasPrefix("Sources/\($0)/") } }
                    .flatMap(\.literals))
            for key in row.keys {
                #expect(words.contains(key), "\(row.message): \(key)=")
                #expect(key.wholeMatch(of: /[a-z]+(_[a-z]+)*/) != nil, "\(row.message): \(key)= is not snake_case")
            }
        }
    }

    @Test("lines of the log that other pages quote are in the table")
    func quoted() throws {
        let messages = Set(try Self.documented().map(\.message))
        var quotes = 0
        for path in Project.pages {
            let page = try MarkdownPage(path)
            for link in page.links where link.target.hasSuffix("log-lines.md") && link.text.hasPrefix("`") {
                quotes += 1
                let text = String(link.text.dropFirst().dropLast())
                #expect(messages.contains(text), "\(path) quotes '\(text)'")
            }
        }
        #expect(quotes >= 3)
    }
}
