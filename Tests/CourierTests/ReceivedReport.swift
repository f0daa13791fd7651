// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit

/// A report mail as other people's software reads it.
struct ReceivedReport: Decodable {
    let from: String
    let name: String
    let headers: [String: [String]]
    let type: String
    let reportType: String
    let defects: [String]
    let text: String
    let attachmentType: String
    let fileName: String
    let content: Data
    let longestLine: Int
    let hasBareLineEnd: Bool
    let isASCII: Bool
    /// For each DKIM signature, the outermost first.
    let verified: [Bool]

    /// - Parameter records: TXT records by their names.
    init(_ message: String, records: [String: String] = [:]) throws {
        let program = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        let arguments = [program + "/lab/read-report-mail"] + records.flatMap { [$0.key, $0.value] }
        let output = try Command.check(arguments, input: message)
        self = try JSONDecoder().decode(Self.self, from: Data(output.utf8))
    }

    func header(_ name: String) -> String? { headers[name.lowercased()]?.first }
}
