// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

// From the octets of an MTA's log to the TLS sessions that they tell of. Nothing here reads a file or a clock.
//
// A line of syslog is cut by `SyslogLine` into stamp, host, tag and message; all of them are `SyslogOctets`, stretches
// of the line where it lies, so that a line that says nothing of a session costs no allocation. `SyslogClock` reads the
// stamp. `PostfixLine` and `SendmailLine` say what a message means.
//
// One line is seldom a session. Lines about TLS name the server and not the recipient, and lines about a delivery the
// recipient and not the certificate; they are joined by the process that logged them. So a reader has a table of
// processes: `PostfixProcess` collects `PostfixAttempt`s, `SendmailProcess` collects `SendmailSession`s, and the line that
// ends a delivery completes them. With connection reuse Postfix's handshakes are tlsproxy(8)'s: `PostfixProxied`.
//
// What comes out is an `ObservedSession`; `Core` decides whose it is and what it counts. What a log does not say because
// of the MTA's settings is noted in `PostfixSilence` and `SendmailSilence`, for a remark to the administrator; a `SilentRun`
// tells when a log no longer says it. What looks like a line about a session and cannot be read is counted in
// `UnreadLines`; its session is nobody else's.

/// Reads the lines of a mail log in their order, and finds the sessions that they add up to.
///
/// A reader is a value that can be written down: what it holds of sessions not yet complete is kept with the position in
/// the log, so that reading goes on after any stop exactly where it was. It is bounded, whatever the log says.
package protocol LogReader: Sendable, Codable {
    /// What the reader is told rather than learns from the log; no part of what is written down.
    var settings: LogReaderSettings { get set }

    init()

    /// Takes whole lines, each with its line feed.
    /// - Parameters:
    ///   - now: the time of reading: what time stamps without a year are near to.
    ///   - sessions: gets each session that is complete.
    mutating func read(_ lines: UnsafeRawBufferPointer, now: UTCTime, into sessions: inout [ObservedSession])

    /// What the administrator should know of the log, such as a setting without which it says too little; each is given
    /// once.
    mutating func takeRemarks() -> [String]

    /// What could not be read since the last time; nil if all could.
    mutating func takeUnread() -> UnreadLines?
}

/// What the administrator has said of the MTA whose log is read.
package struct LogReaderSettings: Sendable, Hashable {
    /// Names of mailers of the site's own that deliver by SMTP, beside those that Sendmail comes with.
    package var mailers: Set<String> = []

    package init(mailers: Set<String> = []) { self.mailers = mailers }
}
