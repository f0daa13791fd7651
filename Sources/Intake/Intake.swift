// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

// How the daemon learns from the MTA how its deliveries went: from its logs, and from datagrams.
//
// Following: `LogFollower` reads a log file as it grows. `LogFileTail` is its place in the file, which survives rotation,
// and `LogFileMark` that place written down. `JournalFollower` does the same with the journal of systemd, whose
// library wants a thread of its own (`JournalThread`), and gives its entries as lines of syslog. `LogStream` reads a
// file once, for a command, also one that gzip has compressed.
//
// Either follower gives whole lines to a `CheckpointedReader`. That has a reader of `MailLog` find the sessions, asks a
// `SessionCounter` what they count, and commits the counts together with the place to an `IntakeLedger`, in one
// transaction: a stop at any moment, `kill -9` included, loses no session and counts none twice. What cannot be read or
// kept is waited for, and `SourceStatus` says so to an administrator.
//
// Datagram: `DatagramReceiver` takes what an MTA with libtlsrpt sends to our socket, on a thread that does nothing else,
// into a `DatagramTable`; `DatagramIntake` reads it once a second, or sooner when much has come in, each as a
// `TLSRPTDatagram`. `DatagramScanner` reads the form that libtlsrpt writes, the JSON library all others.

/// What a follower asks of the core, and of the time.
package struct IntakePorts: Sendable {
    let counter: any SessionCounter
    let ledger: any IntakeLedger
    let clock: any WallClock

    package init(counter: any SessionCounter, ledger: any IntakeLedger, clock: any WallClock) {
        self.counter = counter
        self.ledger = ledger
        self.clock = clock
    }
}

/// How often a follower looks, and how much it reads before a commit.
package struct IntakePace: Sendable {
    /// The longest pause after failures, in first pauses.
    private static let longestRetry = 32

    /// Between two looks at a log that has nothing new.
    package var poll = Duration.milliseconds(500)
    /// Longest time between commits while there is something to commit.
    package var interval = Duration.seconds(1)
    /// Octets read before a commit, so that a stop costs little reading again and a commit is worth its disk write.
    package var maxOctets = 4 << 20
    /// Sessions counted before a commit, some 300 octets each.
    package var maxSessions = 5000
    /// Before the first retry of what failed; each next pause is twice as long, up to 32 times this.
    package var retry = Duration.seconds(1)

    package init() {}

    var longestRetry: Duration { retry * Self.longestRetry }
}
