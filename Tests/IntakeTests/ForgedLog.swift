// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A long log, made of the fixtures over and over: each time with other queue identifiers and processes, and the lines
/// of three cases in turn, so that at each moment some sessions are open.
struct ForgedLog {
    /// Processes in turn, as a busy server has them.
    private static let processes = 300

    private enum Piece {
        case text(String), process(Int), queueID(Int)
    }

    private var cases: [[[Piece]]]
    private var made = 0

    init(of directory: URL) throws {
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        cases = try files.filter { $0.pathExtension == "log" }.sorted { $0.path < $1.path }.map { file in
            try Self.pieces(of: String(contentsOf: file, encoding: .utf8))
        }
    }

    /// At least so many lines.
    mutating func lines(_ count: Int) -> String {
        var text = ""
        var lines = 0
        var next = 0
        while lines < count {
            let group = (0..<3).map { cases[(next + $0) % cases.count] }
            next += 3
            for index in 0..<(group.map(\.count).max() ?? 0) {
                for (offset, one) in group.enumerated() where index < one.count {
                    text += render(one[index], made + offset)
                    lines += 1
                }
            }
            made += 3
        }
        return text
    }

    private func render(_ line: [Piece], _ number: Int) -> String {
        line.map { piece in
            switch piece {
            case .text(let text): text
            // No case has more than twenty.
            case .process(let index): "\(10_000 + (number * 20 + index) % (Self.processes * 20))"
            case .queueID(let index): String(0x10_0000_0000 + number * 20 + index, radix: 16, uppercase: true)
            }
        }.joined() + "\n"
    }

    private static func pieces(of text: String) throws -> [[Piece]] {
        let pattern = try NSRegularExpression(pattern: #"(?<=\[)\d+(?=\]: )|(?<=\]: )[0-9A-F]{10,12}(?=: )"#)
        var known: [String: Int] = [:]
        return text.split(separator: "\n").map { line in
            let line = NSString(string: String(line))
            var pieces: [Piece] = []
            var start = 0
            for match in pattern.matches(in: line as String, range: NSRange(location: 0, length: line.length)) {
                let word = line.substring(with: match.range)
                pieces.append(.text(line.substring(with: NSRange(start..<match.range.location))))
                let index = known[word] ?? known.count
                known[word] = index
                pieces.append(start == 0 ? .process(index) : .queueID(index))
                start = match.range.upperBound
            }
            return pieces + [.text(line.substring(from: start))]
        }
    }
}
