// SPDX-License-Identifier: Apache-2.0
import Basics

/// Reads reports piece by piece, in bounded memory; tolerates what senders are known to get wrong, but not what would
/// miscount. - RFC 8460 §4.4: JSON Report Schema.
///
/// - Deviation: a received report may lack or misspell members.
///
/// A report is somebody else's: past the limits below, kinds of failure are summed by their type and policies by
/// theirs, so that every session still counts, and it is said what was not kept apart.
package struct ReportParser {
    /// Kinds of failure of one report that are kept apart; ours have some hundred.
    package static let maxKinds = 10_000
    /// Policies of one report that are kept apart.
    package static let maxPolicies = 1000
    /// Octets of the texts of policies in one report, and of all other texts in it, as JSON would write them: in all as
    /// much as a report of ours can have. Long policies leave no kind of failure without room.
    static let maxTextOctets = Report.maxOctets / 2
    /// What a text costs beside its octets, since a million empty ones take room, too.
    private static let octetsPerText = 32
    /// Octets of one text; a longer one is cut.
    static let maxStringOctets = 64 << 10
    /// Reports in one text.
    static let maxReports = 10_000
    /// Longest name of a member that is known, and some more.
    private static let maxNameOctets = 64
    /// What a detail says that stands for others.
    package static let foldedReason = "kinds of failure past the limit, not kept apart"

    /// What stands for a type that a report does not give.
    private static let noPolicyType = Registered<PolicyType>("(no policy-type)")
    private static let noResultType = Registered<ResultType>("(no result-type)")

    private enum Step {
        case member(StaticString)
        case index(Int)
    }

    private var json: JSONPieces
    private var path: [Step] = []
    private var omissions = Omissions()
    private var oddities = Oddities()
    /// What is left of the report's limits.
    private var policyRoom = 0
    private var textRoom = 0
    private var kindRoom = 0

    /// Hands over each report of the text: one, an array of them, or several texts one behind the other.
    /// - Parameters:
    ///   - more: gives the next octets, none at the end.
    ///   - visit: called with each report, and with what there is to say of it.
    package static func read(
        _ more: @escaping () -> [UInt8], _ visit: (Report, ReadingNotes) -> Void
    ) throws(ReportError) {
        var parser = ReportParser(json: JSONPieces(more))
        var count = 0
        repeat {
            if parser.json.isNext("[") {
                try parser.array { (parser, _) throws(ReportError) in try parser.hand(to: visit, &count) }
            } else {
                try parser.hand(to: visit, &count)
            }
        } while parser.json.isNextText()
    }

    private mutating func hand(to visit: (Report, ReadingNotes) -> Void, _ count: inout Int) throws(ReportError) {
        guard count < Self.maxReports else { throw ReportError(description: "more than \(Self.maxReports) reports") }
        count += 1
        let report = try report()
        visit(report, notes)
    }

    private var notes: ReadingNotes {
        var notes = ReadingNotes()
        notes.problems = oddities.sentences(areLosses: true) + omissions.sentences
        notes.remarks = oddities.sentences(areLosses: false)
        return notes
    }

    // MARK: The schema

    private mutating func report() throws(ReportError) -> Report {
        (policyRoom, textRoom, kindRoom) = (Self.maxTextOctets, Self.maxTextOctets, Self.maxKinds)
        omissions = Omissions()
        oddities = Oddities()
        json.hasCut = false
        var organization: String?
        var contact: String?
        var identifier: String?
        var range: Report.DateRange?
        var policies = PolicyList()
        try object { (parser, name) throws(ReportError) in
            switch name {
            case "organization-name": organization = try parser.text("organization-name")
            case "contact-info": contact = try parser.text("contact-info")
            case "report-id": identifier = try parser.text("report-id")
            case "date-range":
                range = try parser.at("date-range") { (parser) throws(ReportError) in try parser.dateRange() }
            case "policies":
                try parser.list("policies") { (parser) throws(ReportError) in
                    let result = try parser.policyResult()
                    let isKept = policies.add(result, hasRoom: parser.textRoom > 0)
                    if !isKept { parser.omissions.policies += 1 }
                }
            default: try parser.json.skip()
            }
        }
        guard let range else { throw missing("date-range") }
        omissions.hasCutText = omissions.hasCutText || json.hasCut
        return Report(
            organizationName: organization, dateRange: range, contactInfo: contact, reportID: identifier ?? "",
            policies: policies.results)
    }

    private mutating func dateRange() throws(ReportError) -> Report.DateRange {
        var start: UTCTime?
        var end: UTCTime?
        try object { (parser, name) throws(ReportError) in
            switch name {
            case "start-datetime": start = try parser.text("start-datetime").flatMap(UTCTime.init(startOfRange:))
            case "end-datetime": end = try parser.text("end-datetime").flatMap(UTCTime.init(endOfRange:))
            default: try parser.json.skip()
            }
        }
        // One end of the period tells the day.
        switch (start, end) {
        case (let start?, let end?): return Report.DateRange(start: start, end: end)
        case (let start?, nil):
            note(.otherEndTaken, "end-datetime")
            return Report.DateRange(start: start, end: start.day.end)
        case (nil, let end?):
            note(.otherEndTaken, "start-datetime")
            return Report.DateRange(start: end.day.start, end: end)
        case (nil, nil): throw wrong("no date and time")
        }
    }

    private mutating func policyResult() throws(ReportError) -> PolicyResult {
        var policy: ReportedPolicy?
        var summary: (successes: Int, failures: Int)?
        var details: [FailureDetails: Int] = [:]
        try object { (parser, name) throws(ReportError) in
            switch name {
            case "policy": policy = try parser.at("policy") { (parser) throws(ReportError) in try parser.policy() }
            case "summary": summary = try parser.at("summary") { (parser) throws(ReportError) in try parser.summary() }
            case "failure-details":
                try parser.list("failure-details") { (parser) throws(ReportError) in
                    try parser.addFailure(to: &details)
                }
            default: try parser.json.skip()
            }
        }
        if policy == nil { note(.missingType, "policy") }
        if summary == nil { note(.missingCount, "summary") }
        return PolicyResult(
            policy ?? ReportedPolicy(type: Self.noPolicyType, domain: nil, strings: [], mxHosts: []),
            Tally(successes: summary?.successes ?? 0, failures: summary?.failures ?? 0, details: details))
    }

    private mutating func policy() throws(ReportError) -> ReportedPolicy {
        var type: String?
        var domain: String?
        var strings: [String] = []
        var hosts: [String] = []
        try object { (parser, name) throws(ReportError) in
            switch name {
            case "policy-type": type = try parser.text("policy-type")
            case "policy-domain": domain = try parser.text("policy-domain")
            // The RFC's own example writes one string where its schema asks for an array (erratum 6241).
            case "policy-string": strings = try parser.texts("policy-string")
            case "mx-host": hosts = try parser.texts("mx-host")
            // The word that RFC 8460 §4.4 uses for the value.
            case "mx-host-pattern" where hosts.isEmpty:
                parser.note(.otherName("mx-host"), "mx-host-pattern")
                hosts = try parser.texts("mx-host-pattern")
            default: try parser.json.skip()
            }
        }
        if type == nil { note(.missingType, "policy-type") }
        return ReportedPolicy(
            type: type.map { Registered($0) } ?? Self.noPolicyType, domain: domain, strings: strings, mxHosts: hosts)
    }

    private mutating func summary() throws(ReportError) -> (successes: Int, failures: Int) {
        var successes: Int?
        var failures: Int?
        try object { (parser, name) throws(ReportError) in
            switch name {
            case "total-successful-session-count":
                successes = try parser.count("total-successful-session-count")
            case "total-failure-session-count": failures = try parser.count("total-failure-session-count")
            default: try parser.json.skip()
            }
        }
        if successes == nil { note(.missingCount, "total-successful-session-count") }
        if failures == nil { note(.missingCount, "total-failure-session-count") }
        return (successes ?? 0, failures ?? 0)
    }

    private mutating func addFailure(to details: inout [FailureDetails: Int]) throws(ReportError) {
        var failure = FailureDetails(type: .unknown(""))
        var type: String?
        var given: Int?
        // Texts that are of a kind already known, or of one that is not kept, cost nothing.
        let room = textRoom
        try object { (parser, name) throws(ReportError) in
            switch name {
            case "result-type": type = try parser.text("result-type")
            case "sending-mta-ip": failure.sendingMTAIP = try parser.text("sending-mta-ip")
            case "receiving-mx-hostname": failure.receivingMXHostname = try parser.text("receiving-mx-hostname")
            case "receiving-mx-helo": failure.receivingMXHelo = try parser.text("receiving-mx-helo")
            case "receiving-ip": failure.receivingIP = try parser.text("receiving-ip")
            case "additional-information": failure.additionalInformation = try parser.text("additional-information")
            case "failure-reason-code": failure.reasonCode = try parser.text("failure-reason-code")
            case "failed-session-count": given = try parser.count("failed-session-count")
            default: try parser.json.skip()
            }
        }
        if type == nil { note(.missingType, "result-type") }
        if given == nil { note(.missingCount, "failed-session-count") }
        let sessions = given ?? 0
        failure.type = type.map { Registered($0) } ?? Self.noResultType
        if let known = details[failure] {
            details[failure] = saturatingSum(known, sessions)
            textRoom = room
        } else if kindRoom > 0, textRoom > 0 {
            details[failure] = sessions
            kindRoom -= 1
        } else {
            let folded = failure.type.folded
            details[folded] = saturatingSum(details[folded] ?? 0, sessions)
            textRoom = room
            omissions.failures += 1
            omissions.sessions = saturatingSum(omissions.sessions, sessions)
        }
    }

    // MARK: Members

    /// A text, also as a number or alone in an array; nil for `null`, and for any other value, which is left out.
    private mutating func text(_ name: StaticString) throws(ReportError) -> String? {
        guard json.take("[") else {
            if try json.takeNull() { return nil }
            let text = try lone()
            if text == nil { note(.leftOut, name) }
            return text
        }
        if json.take("]") { return nil }
        var text = try lone()
        while json.take(",") {
            try json.skip()
            text = nil
        }
        try json.expect("]")
        if text == nil { note(.leftOut, name) }
        return text
    }

    /// A text or a number, counted against the limits; nil for any other value.
    private mutating func lone() throws(ReportError) -> String? {
        let text = try textOrNumber()
        if let text { textRoom -= text.shownOctets + Self.octetsPerText }
        return text
    }

    private mutating func textOrNumber() throws(ReportError) -> String? {
        switch json.next() {
        case UInt8(ascii: "\""): return try json.string(limit: Self.maxStringOctets)
        case UInt8(ascii: "-"), .some(0x30...0x39): return try json.number()
        default:
            try json.skip()
            return nil
        }
    }

    /// An array of texts, or a lone one.
    private mutating func texts(_ name: StaticString) throws(ReportError) -> [String] {
        var texts: [String] = []
        try list(name) { (parser) throws(ReportError) in
            guard parser.policyRoom > 0 else {
                parser.omissions.hasCutText = true
                return try parser.json.skip()
            }
            guard let text = try parser.textOrNumber() else { return parser.noteElement(of: name) }
            parser.policyRoom -= text.shownOctets + Self.octetsPerText
            texts.append(text)
        }
        return texts
    }

    /// A number of sessions: zero or more, also written as a string of digits; nil for `null`.
    private mutating func count(_ name: StaticString) throws(ReportError) -> Int? {
        if try json.takeNull() { return nil }
        let number: Int?
        switch json.next() {
        case UInt8(ascii: "\""): number = Int(try json.name(limit: Self.maxNameOctets))
        case UInt8(ascii: "-"), .some(0x30...0x39):
            let text = try json.number()
            number = Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
        default: number = nil
        }
        guard let number, number >= 0 else { throw wrong("not a number of sessions", at: name) }
        return number
    }

    // MARK: Structure

    private mutating func object(
        _ member: (inout Self, String) throws(ReportError) -> Void
    ) throws(ReportError) {
        guard json.take("{") else { throw wrong("not an object") }
        if json.take("}") { return }
        repeat {
            let name = try json.name(limit: Self.maxNameOctets)
            try json.expect(":")
            try member(&self, name)
        } while json.take(",")
        try json.expect("}")
    }

    private mutating func array(
        _ element: (inout Self, Int) throws(ReportError) -> Void
    ) throws(ReportError) {
        try json.expect("[")
        if json.take("]") { return }
        var index = 0
        repeat {
            path.append(.index(index))
            try element(&self, index)
            path.removeLast()
            index += 1
        } while json.take(",")
        try json.expect("]")
    }

    /// An array, the one value that some senders write where an array belongs, or nothing.
    private mutating func list(
        _ name: StaticString, _ element: (inout Self) throws(ReportError) -> Void
    ) throws(ReportError) {
        if try json.takeNull() { return }
        path.append(.member(name))
        if json.isNext("[") {
            try array { (parser, _) throws(ReportError) in try element(&parser) }
        } else {
            try element(&self)
        }
        path.removeLast()
    }

    private mutating func at<Value>(
        _ name: StaticString, _ value: (inout Self) throws(ReportError) -> Value
    ) throws(ReportError) -> Value {
        path.append(.member(name))
        let value = try value(&self)
        path.removeLast()
        return value
    }

    // MARK: Oddities and errors

    private mutating func note(_ oddity: Oddity, _ name: StaticString) {
        let path = path
        oddities.add(oddity, of: "\(name)") { Self.place(path, name) }
    }

    private mutating func noteElement(of name: StaticString) {
        let path = path
        oddities.add(.leftOut, of: "\(name)") { Self.place(path, nil) }
    }

    private func missing(_ name: StaticString) -> ReportError { ReportError(description: "no \(place(name))") }

    private func wrong(_ what: String, at name: StaticString? = nil) -> ReportError {
        let place = place(name)
        return ReportError(description: place.isEmpty ? what : "\(place): \(what)")
    }

    private func place(_ name: StaticString?) -> String { Self.place(path, name) }

    private static func place(_ path: [Step], _ name: StaticString?) -> String {
        var text = ""
        for step in path + (name.map { [.member($0)] } ?? []) {
            switch step {
            case .member(let name): text += text.isEmpty ? "\(name)" : ".\(name)"
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }
}
