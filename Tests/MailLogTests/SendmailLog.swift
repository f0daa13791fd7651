// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Foundation
import Testing
@testable import MailLog

/// A piece of a Sendmail log, and what the reader makes of it.
struct SendmailLog {
    /// The day on which the laboratory's logs were written.
    static let now = UTCDay(daysSinceEpoch: 20_781).start

    let octets: [UInt8]

    init(octets: [UInt8]) { self.octets = octets }
    init(text: String) { octets = Array(text.utf8) }

    /// Messages of one process; one that begins with `@HH:MM:SS ` has that time.
    init(messages: [String]) {
        let lines = messages.map { message in
            let isTimed = message.hasPrefix("@")
            let time = isTimed ? String(message.dropFirst().prefix(8)) : "20:40:45"
            return "Nov 23 \(time) vm sm-mta[100]: \(isTimed ? String(message.dropFirst(10)) : message)\n"
        }
        self.init(text: lines.joined())
    }

    init(file: String) throws {
        let folder = try #require(Bundle.module.url(forResource: "Logs/sendmail-8.17", withExtension: nil))
        octets = Array(try Data(contentsOf: folder.appendingPathComponent(file)))
    }

    static func files() throws -> [String] {
        let folder = try #require(Bundle.module.url(forResource: "Logs/sendmail-8.17", withExtension: nil))
        return try ["plain", "sts", "sts14"].flatMap { part in
            try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(part).path)
                .map { "\(part)/\($0)" }
        }
    }

    var lineStarts: [Int] { octets.indices.filter { $0 == 0 || octets[$0 - 1] == UInt8(ascii: "\n") } }

    /// - Parameter place: where reading stops and goes on with the state as it was written down.
    func sessions(splitAt place: Int = 0) throws -> [ObservedSession] {
        var found: [ObservedSession] = []
        var reader = SendmailLogReader()
        octets[..<place].withUnsafeBytes { reader.read($0, now: Self.now, into: &found) }
        reader = try JSONDecoder().decode(SendmailLogReader.self, from: JSONEncoder().encode(reader))
        octets[place...].withUnsafeBytes { reader.read($0, now: Self.now, into: &found) }
        return found
    }

    static func summary(_ session: ObservedSession) -> String {
        let words: [String?] = [
            session.domain?.ascii ?? "-", session.host?.ascii ?? session.cutHost?.description,
            session.address?.description, result(session),
        ]
        return words.compactMap { $0 }.joined(separator: " ")
    }

    static func result(_ session: ObservedSession) -> String {
        switch session.result {
        case .failed(let type, let reason): [type.rawValue, reason].compactMap { $0 }.joined(separator: " ")
        case .verified: "verified"
        case .trusted: "trusted"
        case .untrusted: "untrusted"
        case .plaintext: ["plaintext", session.fallbackReason].compactMap { $0 }.joined(separator: " ")
        case .notWanted: "tls-not-wanted"
        case .refusedByMap: "refused-by-map"
        }
    }
}
