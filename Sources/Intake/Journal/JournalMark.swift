// SPDX-License-Identifier: Apache-2.0

/// A place in the journal: behind the entry that the cursor names, or before all if there is none.
struct JournalMark: Sendable, Hashable, Codable {
    let cursor: String?
}
