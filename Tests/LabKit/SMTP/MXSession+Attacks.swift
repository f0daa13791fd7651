// SPDX-License-Identifier: Apache-2.0
import NIOCore

extension MXSession {
    /// Lines that are sent at one time where there is no end of them, and the time between, so that a client that
    /// reads them all costs the machine little.
    private static let linesAtOnce = 50
    private static let pause = TimeAmount.milliseconds(20)

    /// Greets as an attack asks for; false where none does.
    func attackGreeting(_ context: ChannelHandlerContext, _ greeting: String) -> Bool {
        for attack in behaviour.attacks {
            switch attack {
            case .greetingLines(let count):
                reply(context, String(repeating: "220-more to come\r\n", count: count - 1) + greeting)
            case .greetingOctets(let count):
                // Behind the line end's two octets.
                reply(context, greeting + String(repeating: "x", count: max(0, count - greeting.utf8.count - 2)))
            case .greetingAfter(let milliseconds):
                later(context, .milliseconds(milliseconds)) { session, context in session.reply(context, greeting) }
            case .greetingOctetEvery(let milliseconds):
                octets(context, Array((greeting + "\r\n").utf8), every: .milliseconds(milliseconds))
            case .greetingCode(let code): reply(context, "\(code) \(code / 100).7.0 \(behaviour.hostName) not now")
            case .greetingText(let text): reply(context, text)
            case .closeAfterGreeting: close(context, after: greeting)
            case .closeAtEHLO, .ehloCode, .ehloLines, .ehloWithoutEnd, .startTLSHidden, .startTLSRefused: continue
            }
            return true
        }
        return false
    }

    /// Answers EHLO as an attack asks for; false where none does.
    func attackEHLO(_ context: ChannelHandlerContext, _ lines: [String]) -> Bool {
        for attack in behaviour.attacks {
            switch attack {
            case .closeAtEHLO: context.close(promise: nil)
            case .ehloCode(let code): reply(context, "\(code) \(code / 100).5.1 EHLO not now")
            case .ehloLines(let count):
                let more = max(0, count - lines.count)
                reply(context, (0..<more).map { "250-XLAB\($0)\r\n" }.joined() + Self.multiline(lines))
            case .ehloWithoutEnd: endless(context, lines.map { "250-\($0)\r\n" }.joined())
            case .greetingLines, .greetingOctets, .greetingAfter, .greetingOctetEvery, .greetingCode, .greetingText,
                .closeAfterGreeting, .startTLSHidden, .startTLSRefused:
                continue
            }
            return true
        }
        return false
    }

    /// Whether this client is not to hear of STARTTLS.
    var hidesStartTLS: Bool { behaviour.attacks.contains(.startTLSHidden(from: clientName)) }

    /// Whether this client's STARTTLS is refused.
    var attackRefusesStartTLS: Bool { behaviour.attacks.contains(.startTLSRefused(to: clientName)) }

    static func multiline(_ lines: [String]) -> String {
        lines.dropLast().map { "250-\($0)\r\n" }.joined() + "250 \(lines.last ?? "")"
    }

    private func later(
        _ context: ChannelHandlerContext, _ delay: TimeAmount,
        _ act: @escaping (MXSession, ChannelHandlerContext) -> Void
    ) {
        let bound = NIOLoopBound((self, context, act), eventLoop: context.eventLoop)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: delay) {
            let (session, context, act) = bound.value
            if channel.isActive { act(session, context) }
        }
    }

    private func octets(_ context: ChannelHandlerContext, _ octets: [UInt8], every interval: TimeAmount) {
        let channel = context.channel
        @Sendable func send(_ index: Int) {
            guard octets.indices.contains(index), channel.isActive else { return }
            channel.writeAndFlush(ByteBuffer(bytes: [octets[index]]), promise: nil)
            channel.eventLoop.scheduleTask(in: interval) { send(index + 1) }
        }
        send(0)
    }

    private func endless(_ context: ChannelHandlerContext, _ first: String) {
        deaf = true
        let channel = context.channel
        let chunk = ByteBuffer(string: String(repeating: "250-XMORE and more to come\r\n", count: Self.linesAtOnce))
        @Sendable func next() {
            guard channel.isActive else { return }
            channel.writeAndFlush(chunk).whenSuccess {
                channel.eventLoop.scheduleTask(in: Self.pause) { next() }
            }
        }
        channel.writeAndFlush(ByteBuffer(string: first)).whenSuccess { next() }
    }
}
