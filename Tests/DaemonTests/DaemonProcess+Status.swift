// SPDX-License-Identifier: Apache-2.0
import Foundation
import LabKit
import Status
import Testing

extension DaemonProcess {
    /// What `status --json` says.
    func status() throws -> StatusReport {
        let answer = try command("status", "--json")
        #expect(answer.status == 0, "\(answer)")
        return try JSONDecoder().decode(StatusReport.self, from: Data(answer.output.utf8))
    }
}
