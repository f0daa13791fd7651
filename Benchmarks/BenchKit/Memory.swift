// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a process has in memory, in MB of 1,000,000 octets: all of it, libraries included, and what is its own (heap,
/// stacks, written data) or mapped from files.
package struct ResidentMemory: CustomStringConvertible {
    package let total: Double
    package let own: Double
    package let files: Double

    /// - Parameter process: `self` or a process identifier.
    package init(_ process: String = "self") throws {
        var kilobytes: [String: Double] = [:]
        for line in try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8).split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.count >= 2, let number = Double(words[1]) { kilobytes[String(words[0])] = number }
        }
        total = (kilobytes["VmRSS:"] ?? 0) * 1024 / 1e6
        own = (kilobytes["RssAnon:"] ?? 0) * 1024 / 1e6
        files = (kilobytes["RssFile:"] ?? 0) * 1024 / 1e6
    }

    package var description: String { "\(rounded(total)) MB (own \(rounded(own)), of files \(rounded(files)))" }
}

package func residentMB() throws -> Double { try ResidentMemory().total }
