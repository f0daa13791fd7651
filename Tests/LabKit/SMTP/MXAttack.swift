// SPDX-License-Identifier: Apache-2.0

/// What somebody between us and an MX host, or the host itself, does so that a client takes it for something else than
/// a host without TLS.
///
/// Each leaves the dialogue such that an MTA goes on with it in the end: the point is to be passed over by the probe
/// and to be given the mail. An ``MXFault`` is an accident in comparison. "MTAs" are Postfix 3.7 and Sendmail 8.17 with
/// their defaults.
package enum MXAttack: Sendable, Hashable {
    /// So many lines of greeting. MTAs read on: they have no limit but their time.
    case greetingLines(Int)
    /// One line of greeting of so many octets. MTAs cut the line and go on.
    case greetingOctets(Int)
    /// The greeting comes after so many milliseconds. MTAs wait 300 s.
    case greetingAfter(milliseconds: Int64)
    /// The greeting comes octet by octet, and does end. MTAs wait 300 s for each, or for all.
    case greetingOctetEvery(milliseconds: Int64)
    /// Another code in the greeting, and the dialogue goes on after it. MTAs try the next host, and this one later.
    case greetingCode(Int)
    /// These octets and a line end in place of the greeting. MTAs want three digits first, and take any octets behind.
    case greetingText(String)
    /// The connection is closed behind the greeting. MTAs try the next host, and this one later.
    case closeAfterGreeting
    /// The connection is closed in place of an answer to EHLO. MTAs do as above.
    case closeAtEHLO
    /// EHLO is answered with this code, HELO with 250. MTAs say HELO, and ask for no TLS then.
    case ehloCode(Int)
    /// So many lines in the answer to EHLO, STARTTLS among them if there is a certificate. MTAs read on.
    case ehloLines(Int)
    /// The answer to EHLO never ends. MTAs read on until their time is over, for ever without a deadline per request.
    case ehloWithoutEnd
    /// STARTTLS is neither offered to nor answered for a client that calls itself so in EHLO. MTAs without a policy go
    /// on in the clear. With the MTA's name: behaves for the probe and strips for the MTA.
    case startTLSHidden(from: String)
    /// STARTTLS is offered to all, and refused with 454 to a client that calls itself so. MTAs without a policy go on
    /// in the clear.
    case startTLSRefused(to: String)
}

extension MXAttack {
    /// What a terminal, a C program and a format would trip over.
    package static let oddGreeting = greetingText("220 a\u{0}b\u{1B}[31m\u{1B}]0;x\u{7}%n%s%n\u{8}\u{7F} \u{202E}txt")
    /// No reply at all by its form.
    package static let rubbishGreeting = greetingText("\u{1}\u{2}\u{3} SSH-2.0-hello \u{0}\u{0}")
}
