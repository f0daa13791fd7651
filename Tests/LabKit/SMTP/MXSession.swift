// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore

/// One connection to an ``MXServer``: SMTP as far as an MTA needs it to hand over mail. - RFC 5321 §4.1.1: Commands.
final class MXSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Octets a command line or a message may have before the connection is closed.
    private static let maxBufferedBytes = 64 << 20

    private let host: MXServer
    let behaviour: MXBehaviour
    private let serverName = SeenName()
    private var input = ByteBuffer()
    private var tls = false
    private var tlsSpoken = false
    private(set) var clientName = ""
    private var mailCommand: String?
    private var recipients: [String] = []
    private var data: String?
    /// Nothing more of the client's is read.
    var deaf = false
    private var garbles = false

    init(host: MXServer, behaviour: MXBehaviour) {
        self.host = host
        self.behaviour = behaviour
    }

    func channelActive(context: ChannelHandlerContext) {
        let greeting = "220 \(behaviour.hostName) ESMTP laboratory"
        if behaviour.beginsWithTLS { beginTLS(context) }
        for fault in behaviour.faults {
            switch fault {
            case .greet421: return close(context, after: "421 4.3.2 \(behaviour.hostName) closing")
            case .stallGreeting: return deaf = true
            case .dropGreeting: return context.close(promise: nil)
            case .drip(let milliseconds): return drip(context, greeting, every: .milliseconds(milliseconds))
            case .endlessGreeting: return flood(context)
            default: continue
            }
        }
        if !attackGreeting(context, greeting) { reply(context, greeting) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !deaf else { return }
        guard !garbles else {
            deaf = true
            return reply(context, String(repeating: "this is no TLS. ", count: 16))
        }
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        guard input.readableBytes < Self.maxBufferedBytes else { return context.close(promise: nil) }
        while !deaf, let line = nextLine() { take(context, line) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func nextLine() -> String? {
        guard let end = input.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = input.readString(length: end - input.readerIndex) ?? ""
        input.moveReaderIndex(forwardBy: 1)
        input.discardReadBytes()
        return line.hasSuffix("\r") ? String(line.dropLast()) : line
    }

    private func take(_ context: ChannelHandlerContext, _ line: String) {
        if tls, !tlsSpoken {
            tlsSpoken = true
            host.noteTLSSession()
        }
        if data != nil { return takeData(context, line) }
        host.note(command: line)
        let verb = line.prefix { $0 != " " }.uppercased()
        switch verb {
        case "EHLO": ehlo(context, line)
        case "HELO":
            clientName = String(line.dropFirst(5))
            reply(context, "250 \(behaviour.hostName)")
        case "STARTTLS": startTLS(context)
        case "MAIL":
            mailCommand = line
            recipients = []
            reply(context, "250 2.1.0 sender ok")
        case "RCPT": rcpt(context, line)
        case "DATA":
            guard mailCommand != nil, !recipients.isEmpty else { return reply(context, "503 5.5.1 no recipients") }
            data = ""
            reply(context, "354 go ahead")
        case "RSET":
            mailCommand = nil
            reply(context, "250 2.0.0 reset")
        case "NOOP": reply(context, "250 2.0.0 ok")
        case "QUIT": close(context, after: "221 2.0.0 bye")
        default: reply(context, "500 5.5.2 unknown command")
        }
    }

    private func ehlo(_ context: ChannelHandlerContext, _ line: String) {
        if behaviour.faults.contains(.stallEHLO) { return deaf = true }
        if behaviour.faults.contains(.noEHLO) { return reply(context, "502 5.5.1 EHLO not known here") }
        clientName = String(line.dropFirst(5))
        var lines = [behaviour.hostName] + behaviour.extensions
        if behaviour.announcesStartTLS && !tls && !hidesStartTLS { lines.append("STARTTLS") }
        if !attackEHLO(context, lines) { reply(context, Self.multiline(lines)) }
    }

    private func rcpt(_ context: ChannelHandlerContext, _ line: String) {
        if behaviour.faults.contains(.rejectRecipients) { return reply(context, "550 5.1.1 no such mailbox") }
        if behaviour.faults.contains(.deferRecipients) { return reply(context, "450 4.2.1 try again later") }
        for case .answerRecipients(let text) in behaviour.faults { return reply(context, text) }
        recipients.append(Self.path(in: line))
        reply(context, "250 2.1.5 recipient ok")
    }

    private func takeData(_ context: ChannelHandlerContext, _ line: String) {
        guard line == "." else {
            data?.append((line.hasPrefix(".") ? String(line.dropFirst()) : line) + "\r\n")
            return
        }
        for case .answerMessages(let text) in behaviour.faults {
            data = nil
            return reply(context, text)
        }
        host.keep(
            ReceivedMessage(
                sender: Self.path(in: mailCommand ?? ""), recipients: recipients, text: data ?? "", overTLS: tls,
                serverName: serverName.value, clientName: clientName, mailCommand: mailCommand ?? ""))
        data = nil
        mailCommand = nil
        if behaviour.faults.contains(.dropAfterMessage) { return context.close(promise: nil) }
        reply(context, "250 2.0.0 kept as \(host.messages.count)")
    }

    /// What stands between the angle brackets of a MAIL or RCPT command.
    private static func path(in line: String) -> String {
        guard let start = line.firstIndex(of: "<"), let end = line[start...].firstIndex(of: ">") else { return "" }
        return String(line[line.index(after: start)..<end])
    }
}

extension MXSession {
    private func startTLS(_ context: ChannelHandlerContext) {
        for fault in behaviour.faults {
            switch fault {
            case .refuseStartTLS(let code): return reply(context, "\(code) \(code / 100).7.0 TLS not available")
            case .dropAfterStartTLS: return close(context, after: "220 2.0.0 go ahead")
            case .stallAfterStartTLS:
                deaf = true
                return reply(context, "220 2.0.0 go ahead")
            case .garbageAfterStartTLS:
                // Only once the client has begun: what comes with the 220 a client may take for SMTP and drop.
                garbles = true
                return reply(context, "220 2.0.0 go ahead")
            case .injectAfterStartTLS:
                reply(context, "220 2.0.0 go ahead\r\n250 2.0.0 injected")
                return beginTLS(context)
            default: continue
            }
        }
        if attackRefusesStartTLS { return reply(context, "454 4.7.0 TLS not available") }
        guard behaviour.announcesStartTLS, !tls, !hidesStartTLS else {
            return reply(context, "502 5.5.1 no TLS here")
        }
        reply(context, "220 2.0.0 go ahead")
        beginTLS(context)
    }

    private func beginTLS(_ context: ChannelHandlerContext) {
        input.clear()
        tls = true
        do {
            let handler = try TLSServerHandler(try tlsSettings())
            try context.pipeline.syncOperations.addHandler(handler, position: .first)
        } catch {
            context.close(promise: nil)
        }
    }

    private func tlsSettings() throws -> TLSServerSettings {
        guard let credential = behaviour.credential else { throw LabError("no credential") }
        var settings = TLSServerSettings(credential: credential)
        settings.minimumVersion = behaviour.minimumTLSVersion
        settings.maximumVersion = behaviour.hasSmallGroup ? .tlsv12 : behaviour.maximumTLSVersion
        settings.hasSmallGroup = behaviour.hasSmallGroup
        let host = host
        let seen = serverName
        let others = behaviour.credentialsByName
        let requiresName = behaviour.faults.contains(.requireSNI)
        settings.choose = { name in
            seen.value = name
            host.noteHandshake(name)
            if name == nil, requiresName { throw LabError("no SNI") }
            return name.flatMap { others[$0.lowercased()] }
        }
        return settings
    }

    func reply(_ context: ChannelHandlerContext, _ text: String) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
    }

    func close(_ context: ChannelHandlerContext, after text: String) {
        deaf = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n"))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private func drip(_ context: ChannelHandlerContext, _ text: String, every interval: TimeAmount) {
        deaf = true
        let channel = context.channel
        let letters = Array((text + String(repeating: ".", count: 4000)).utf8)
        @Sendable func send(_ index: Int) {
            guard letters.indices.contains(index), channel.isActive else { return }
            channel.writeAndFlush(ByteBuffer(bytes: [letters[index]]), promise: nil)
            channel.eventLoop.scheduleTask(in: interval) { send(index + 1) }
        }
        send(0)
    }

    private func flood(_ context: ChannelHandlerContext) {
        deaf = true
        let channel = context.channel
        let chunk = ByteBuffer(string: String(repeating: "220-more and more to come\r\n", count: 256))
        @Sendable func next() {
            channel.writeAndFlush(chunk).whenSuccess { channel.eventLoop.execute { next() } }
        }
        next()
    }
}

/// The host name of a TLS handshake, from the handshake's callback to the session.
final class SeenName: Sendable {
    private let name = Locked<String?>(nil)
    var value: String? {
        get { name.withLock { $0 } }
        set { name.withLock { $0 = newValue } }
    }
}
