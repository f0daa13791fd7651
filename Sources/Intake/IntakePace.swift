// SPDX-License-Identifier: Apache-2.0

/// How often a follower looks, and how much it reads before a commit.
package struct IntakePace: Sendable {
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
}
