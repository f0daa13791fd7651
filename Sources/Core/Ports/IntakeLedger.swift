// SPDX-License-Identifier: Apache-2.0

/// How far a source of sessions was read.
package struct IntakeMark: Sendable, Hashable {
    /// What is read, such as `postfix-log /var/log/mail.log`.
    package let source: String
    /// Where reading goes on, in the form of the reader of that source.
    package let state: [UInt8]

    package init(source: String, state: [UInt8]) {
        self.source = source
        self.state = state
    }
}

/// Counts sessions together with how far their source was read, so that a stop at any moment counts none twice.
package protocol IntakeLedger: Sendable {
    /// The mark of the last commit; nil if the source was never read.
    func mark(of source: String) async throws -> IntakeMark?
    /// Keeps counts and mark, or neither: when this throws the caller does not read on, and commits the same again.
    func commit(_ sessions: [SessionCount], mark: IntakeMark) async throws
}
