// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials
import Gzip
import Reporting
import TLSRPT

/// A directory for reports, a file each.
struct ReportFiles {
    private let directory: URL
    private let isPlain: Bool

    init(directory: String, isPlain: Bool) {
        self.directory = URL(fileURLWithPath: directory)
        self.isPlain = isPlain
    }

    /// Makes the directory with the first file: nothing is left behind where there is nothing to report.
    /// - Returns: the file's path.
    func write(_ packed: CompressedReport) throws -> String {
        var name = packed.fileName.description
        var bytes = packed.body
        if isPlain {
            let report = try Report(json: decompress(packed.body, limitBytes: Report.maxOctets))
            bytes = try report.json(pretty: true)
            // The compressed form has this ending behind the plain one's.
            name.removeLast(".gz".count)
        }
        do {
            try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
        } catch {
            throw ReportCommandError.output(directory.path, cause: fileFailure(error))
        }
        let file = directory.appendingPathComponent(name)
        do { try RegularFile.replace(file.path, with: bytes) } catch {
            throw ReportCommandError.output(file.path, cause: "\(error)")
        }
        return file.path
    }
}
