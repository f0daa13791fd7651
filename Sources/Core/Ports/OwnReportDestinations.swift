// SPDX-License-Identifier: Apache-2.0
import Basics

/// The outbox of our reports, as far as sessions are left out of reports because of it.
package protocol OwnReportDestinations: Sendable {
    /// The number of the youngest report; 0 if there is none. The destinations do not change while it stays.
    func newestReport() async throws -> Int64
    /// The addresses to which reports of this day and later ones go by mail.
    func mailAddresses(since day: UTCDay) async throws -> Set<String>
}
