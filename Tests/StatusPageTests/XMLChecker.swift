// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads a page as XML by a small reader of elements, and counts them.
struct XMLChecker {
    struct Broken: Error { let text: String }

    private var counts: [String: Int] = [:]
    /// Tables that end without a head of a column.
    private(set) var headless: [Int] = []

    init(_ text: String) throws {
        var open: [String] = []
        var heads = 0
        for tag in text.matches(of: /<(\/?)([a-z0-9]+)[^<>]*?(\/?)>/) {
            let name = String(tag.2)
            if !tag.1.isEmpty {
                guard open.popLast() == name else { throw Broken(text: "</\(name)> closes nothing") }
                if name == "table", heads == 0 { headless.append(count("table")) }
                continue
            }
            counts[name, default: 0] += 1
            if name == "table" { heads = 0 }
            if name == "th" { heads += 1 }
            if tag.3.isEmpty { open.append(name) }
        }
        guard open.isEmpty else { throw Broken(text: "open: \(open)") }
        guard !text.replacing(/<[^<>]*>/, with: "").contains(/[<>]/) else { throw Broken(text: "a bare < or >") }
    }

    func count(_ name: String) -> Int { counts[name] ?? 0 }
}
