// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import TLSRPT

// A file of counts carries what one machine has counted to another, which reports it together with its own.
//
// It is JSON, one object a line, compressed by gzip or not. A document is a head, a line for each policy of each domain, and
// an end that says how many lines there were; it holds one day of one machine. Documents may stand one behind the other:
//
//     {"sts-milter-counts":1,"day":"2026-11-23","node":"4f...","machine":"9a...","host":"mx2.example.org","number":1790...}
//     {"domain":"a.example","policy":{"policy-type":"sts",...},"successes":5,"failures":1,"details":[{"result-type":...}]}
//     {"end":1}

/// The head of a document: whose counts of which day it holds.
package struct CountsHead: Sendable, Hashable {
    /// The form that this program writes, and the only one that it reads.
    package static let version = 1

    package let day: UTCDay
    /// The identity of the store that counted, 32 hexadecimal digits.
    package let node: String
    /// Tells the machine from another one with a copy of its store; empty where the system gives it no identity.
    package let machine: String
    package let host: DomainName
    /// Grows with each export of the day: a later one holds what was counted late.
    package let number: Int64

    package init(day: UTCDay, node: String, machine: String, host: DomainName, number: Int64) {
        self.day = day
        self.node = node
        self.machine = machine
        self.host = host
        self.number = number
    }
}

/// What was counted for one domain under one policy.
package struct CountsLine: Sendable, Hashable {
    package let domain: DomainName
    package let result: PolicyResult

    package init(domain: DomainName, result: PolicyResult) {
        self.domain = domain
        self.result = result
    }
}

/// What a line of the file says.
package enum CountsEntry: Sendable, Hashable {
    case head(CountsHead)
    case line(CountsLine)
    /// The document is whole.
    case end(lines: Int)
}

/// Why a file of counts cannot be taken. Nothing of it is.
package struct CountsFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Counted from 1.
    package let line: Int
    /// Safe to print.
    package let text: String

    package init(line: Int, _ text: String) {
        self.line = line
        self.text = text
    }

    package var description: String {
        "line \(line): \(text); nothing of the file was taken: write it anew with report export, on the machine that counted"
    }
}

extension CountsEntry {
    /// The octets of the entry without the end of its line. The same counts give the same octets.
    package var octets: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            switch self {
            case .head(let head): return Array(try encoder.encode(HeadText(head)))
            case .line(let line): return Array(try encoder.encode(LineText(line)))
            case .end(let lines): return Array(try encoder.encode(EndText(end: lines)))
            }
        }
    }

    /// Reads a line.
    /// - Throws: a sentence on what is wrong, safe to print.
    package init(_ octets: [UInt8]) throws(CountsEntryError) {
        let decoder = JSONDecoder()
        let data = Data(octets)
        do {
            // By what only that kind of line has.
            if octets.starts(with: Self.lineStart) {
                self = .line(try decoder.decode(LineText.self, from: data).line)
            } else if octets.starts(with: Self.endStart) {
                let end = try decoder.decode(EndText.self, from: data).end
                guard end >= 0 else { throw CountsEntryError("a number of lines below 0") }
                self = .end(lines: end)
            } else {
                self = .head(try decoder.decode(HeadText.self, from: data).head)
            }
        } catch let error as CountsEntryError {
            throw error
        } catch {
            throw CountsEntryError("no line of a file of counts of version \(CountsHead.version)")
        }
    }

    /// Keys are written in their order.
    private static let lineStart = Array(#"{"details":"#.utf8)
    private static let endStart = Array(#"{"end":"#.utf8)
}

/// What is wrong with a line.
package struct CountsEntryError: Error, Sendable, Hashable {
    /// Safe to print.
    package let text: String

    init(_ text: String) { self.text = text }
}
