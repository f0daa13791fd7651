// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import NIOCore

/// One connection of an MTA: requests in, answers out in the same order.
///
/// What memory decides is answered at once on the connection's own thread; only a miss starts a lookup, and the answers
/// behind it wait for it. All state belongs to the channel's event loop.
final class MapSession: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// Sent to a connection that is to answer what it was asked and close.
    enum StopEvent { case stop }

    /// Octets of answers after which they are written, and after which reading stops until the client took them.
    static let outputLimitOctets = 128 << 10
    /// Answers that may wait in one connection for a lookup; MTAs ask one question at a time.
    static let maxWaiting = 32

    /// An answer that is due, or that waits for a lookup.
    private enum Reply {
        case answer(MapAnswer, DomainName?, MapForm)
        case temporary(TemporaryReason, DomainName?, MapForm?)
        case waiting(DomainName?, MapForm)
    }

    private let service: MapService
    private let served: MapService.ServedSettings
    private let client: MapConnection
    private var context: ChannelHandlerContext?
    private let warm: WarmAnswers
    private let nothing = ByteBuffer()
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var scratch: [UInt8] = []
    /// Where the answer that was rendered last is counted.
    private var counted = 0
    /// Answers from the first that waits on; `firstNumber` is the number of its head.
    private var queue = CircularBuffer<Reply>()
    private var firstNumber = 0
    private var owesRead = false
    /// Whether nothing more will be asked: the client has said all, or we are to stop.
    private var isEnding = false
    private var isClosing = false
    private var activeAt = NIODeadline.now()
    private var idleCheck: Scheduled<Void>?
    /// Since when a request has begun and not ended.
    private var partialSince: NIODeadline?
    private var isPartialWatched = false

    /// To be called on the event loop of the connection.
    init(service: MapService, served: MapService.ServedSettings, client: MapConnection) {
        self.service = service
        self.served = served
        self.client = client
        warm = service.warmAnswers(of: client.channel.eventLoop)
    }

    // MARK: Events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        watchIdleness(context, after: .init(served.settings.idleTimeout))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        idleCheck?.cancel()
        queue.removeAll()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        var arrived = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = arrived } else { input.writeBuffer(&arrived) }
        serve(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) { writeOut(context) }

    func read(context: ChannelHandlerContext) {
        if isHungry(context) { context.read() } else { owesRead = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            activeAt = .now()
            goOn(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed, StopEvent.stop:
            isEnding = true
            goOn(context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// A client that went away; there is nobody to tell.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Requests

    private func isHungry(_ context: ChannelHandlerContext) -> Bool {
        !isEnding && context.channel.isWritable && queue.count < Self.maxWaiting
    }

    /// Answers what has arrived, as far as the client takes the answers.
    private func serve(_ context: ChannelHandlerContext) {
        var taken = 0
        defer { if taken > 0 { service.requests.add(taken, ordering: .relaxed) } }
        if input.readableBytes > 0 { warm.begin(service.resolver.answerPeriod) }
        while queue.count < Self.maxWaiting, !isClosing {
            if output.readableBytes >= Self.outputLimitOctets {
                writeOut(context)
                guard context.channel.isWritable else { return }
            }
            guard takeRequest(context) else { break }
            if taken == 0 { activeAt = .now() }
            taken += 1
        }
        // Let go of the channel's own buffer, so that it can be read into again.
        if input.readableBytes == 0 { input = nothing }
        client.note(activeAt, isWaiting: !queue.isEmpty)
    }

    private enum Step {
        case rest
        case garbage
        case answered(octets: Int)
        case request(MapForm?, key: String, unknownName: String, octets: Int)
    }

    private func takeRequest(_ context: ChannelHandlerContext) -> Bool {
        switch input.withUnsafeReadableBytes({ step($0) }) {
        case .rest:
            if input.readableBytes > 0, partialSince == nil { watchPartial(context) }
            return false
        case .garbage:
            refuseGarbage(context)
            return false
        case .answered(let octets):
            input.moveReaderIndex(forwardBy: octets)
            partialSince = nil
            return true
        case .request(let form, let key, let unknownName, let octets):
            partialSince = nil
            if let form {
                let start = output.readableBytes
                if answer(key, form, context) { keepAnswer(from: start, toRequestOf: octets) }
            } else {
                let known = served.settings.names.keys.sorted().joined(separator: " ")
                service.warnings.warn(.unknownMap, ["map": "\(unknownName)", "known": "\(known)"])
                add(
                    service.resolver.letsAllGo
                        ? .answer(.notFound, nil, .postfix) : .temporary(.unknownMap, nil, nil))
            }
            input.moveReaderIndex(forwardBy: octets)
            return true
        }
    }

    private func keepAnswer(from start: Int, toRequestOf octets: Int) {
        input.withUnsafeReadableBytes { input in
            output.withUnsafeReadableBytes { output in
                warm.keep(
                    UnsafeRawBufferPointer(rebasing: output[start...]),
                    to: UnsafeRawBufferPointer(rebasing: input[..<octets]), under: served.number, counter: counted)
            }
        }
    }

    private func step(_ octets: UnsafeRawBufferPointer) -> Step {
        switch Netstring.head(of: octets) {
        case .incomplete: return .rest
        case .malformed: return .garbage
        case .whole(let payload, let count):
            let frame = UnsafeRawBufferPointer(rebasing: octets[..<count])
            if queue.isEmpty, warm.answer(to: frame, under: served.number, { output.writeBytes($0) }) {
                return .answered(octets: count)
            }
            let request = UnsafeRawBufferPointer(rebasing: octets[payload])
            let space = request.firstIndex(of: UInt8(ascii: " ")) ?? request.endIndex
            let name = UnsafeRawBufferPointer(rebasing: request[..<space])
            let key = UnsafeRawBufferPointer(rebasing: request[min(space + 1, request.endIndex)...])
            guard let form = served.names.form(of: name) else {
                let shown = printable(String(decoding: name, as: UTF8.self), limit: 60)
                return .request(nil, key: "", unknownName: shown, octets: count)
            }
            return .request(form, key: String(decoding: key, as: UTF8.self), unknownName: "", octets: count)
        }
    }

    /// - Returns: whether the answer was written and stands for the period.
    private func answer(_ text: String, _ form: MapForm, _ context: ChannelHandlerContext) -> Bool {
        switch MapKey(text, services: served.settings.services) {
        case .nextHop(let key): return answer(key, form, context)
        case .withoutPolicy: add(.answer(.notFound, nil, form))
        case .unreadable(let names): answerUnreadable(text, names, form)
        }
        return false
    }

    /// What nobody can read is not "no policy" for a name that is known to have one.
    private func answerUnreadable(_ text: String, _ names: [DomainName], _ form: MapForm) {
        guard let domain = names.first(where: service.resolver.enforces) else {
            return add(.answer(.notFound, nil, form))
        }
        service.warnings.warn(.unreadableKey, ["key": "\(printable(text, limit: 120))", "domain": "\(domain)"])
        add(.temporary(.unreadableKey, domain, form))
    }

    private func answer(_ key: NextHop, _ form: MapForm, _ context: ChannelHandlerContext) -> Bool {
        let mta = served.settings.choices.daneSupport(of: form)
        if let answer = service.resolver.cached(key, for: mta) {
            let isWritten = queue.isEmpty
            add(.answer(answer, key.policyDomain, form))
            return isWritten && answer.standsForPeriod
        }
        let waitLimit = served.settings.waitLimit(for: form)
        let number = firstNumber + queue.count
        let loop = context.eventLoop
        let session = NIOLoopBound(self, eventLoop: loop)
        let lookup = service.lookUp(key, for: mta) { answer in
            loop.execute { session.value.complete(number) { answer } }
        }
        guard let lookup else {
            service.warnings.warn(.tooManyLookups, ["limit": "\(served.settings.maxLookups)"])
            add(.temporary(.busy, key.policyDomain, form))
            return false
        }
        // Never cancelled: that costs a search of all timers, and one that comes late finds its answer given.
        loop.scheduleTask(in: .init(waitLimit)) {
            lookup.end()
            session.value.complete(number) {
                session.value.service.resolver.decideNow(key, for: mta, because: lookup.ending)
            }
        }
        queue.append(.waiting(key.policyDomain, form))
        return false
    }

    private func refuseGarbage(_ context: ChannelHandlerContext) {
        let start = String(decoding: input.readableBytesView.prefix(40), as: UTF8.self)
        service.warnings.warn(
            .garbage, ["client": "\(context.remoteAddress?.description ?? "unknown")", "start": "\(printable(start))"])
        input = nothing
        isEnding = true
        close(context)
    }

    // MARK: Answers

    /// Takes the answer that comes first: that of the lookup, or what is decided when its time is up.
    private func complete(_ number: Int, with answer: () -> MapAnswer) {
        let place = number - firstNumber
        guard let context, place >= 0, place < queue.count else { return }
        let index = queue.index(queue.startIndex, offsetBy: place)
        guard case .waiting(let domain, let form) = queue[index] else { return }
        let answer = service.resolver.letsAllGo ? .notFound : answer()
        switch answer {
        case .temporary(let why), .bogus(let why):
            let name = domain?.ascii ?? ""
            service.logger.info("policy map: not decided", metadata: ["domain": "\(name)", "why": "\(why)"])
        case .notFound, .dane, .daneWherePresent, .enforce, .testing, .failed: break
        }
        queue[index] = .answer(answer, domain, form)
        guard place == 0 else { return }
        activeAt = .now()
        goOn(context)
    }

    private func add(_ reply: Reply) {
        if queue.isEmpty { render(reply) } else { queue.append(reply) }
    }

    private func render(_ reply: Reply) {
        scratch.removeAll(keepingCapacity: true)
        switch reply {
        case .answer(let answer, let domain, let form):
            MapReply(form, served.settings.choices).write(answer, of: domain, to: &scratch)
            count(form)
            if let domain, let why = MapReply.reason(in: scratch, about: domain) {
                service.resolver.noteHeld(domain, because: why)
            }
        case .temporary(let reason, let domain, let form):
            MapReply.write(reason, to: &scratch)
            count(form)
            if let domain { service.resolver.noteHeld(domain, because: reason.rawValue) }
        case .waiting: preconditionFailure("an answer that waits is not rendered")
        }
        output.writeNetstring(scratch)
    }

    private func count(_ form: MapForm?) {
        let kind = AnswerKind(scratch)
        counted = kind.place(in: form)
        warm.counts.addAlone(at: counted)
        if kind == .temporary { service.counters.noteTemporary(scratch) }
    }

    /// Renders what is due, serves what has arrived meanwhile, and reads on if the client takes it all.
    private func goOn(_ context: ChannelHandlerContext) {
        while let head = queue.first, output.readableBytes < Self.outputLimitOctets || context.channel.isWritable {
            if case .waiting = head { break }
            queue.removeFirst()
            firstNumber += 1
            render(head)
            if output.readableBytes >= Self.outputLimitOctets { writeOut(context) }
        }
        serve(context)
        writeOut(context)
        if owesRead, isHungry(context) {
            owesRead = false
            context.read()
        }
    }

    /// One write for all that is due.
    private func writeOut(_ context: ChannelHandlerContext) {
        if output.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
            output.clear()
        }
        // What was asked is answered, and a request that is not whole will never be.
        if isEnding, queue.isEmpty, context.channel.isWritable { close(context) }
    }

    private func close(_ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(output)).whenComplete { _ in channel.close(promise: nil) }
        output = ByteBuffer()
    }

    private func watchIdleness(_ context: ChannelHandlerContext, after pause: TimeAmount) {
        let session = NIOLoopBound(self, eventLoop: context.eventLoop)
        idleCheck = context.eventLoop.scheduleTask(in: pause) { session.value.checkIdleness() }
    }

    /// A request that has begun has to end soon. One timer a connection, which is never cancelled: see above.
    private func watchPartial(_ context: ChannelHandlerContext) {
        partialSince = .now()
        guard !isPartialWatched else { return }
        isPartialWatched = true
        scheduleWatch(context, after: .init(served.settings.requestTimeout))
    }

    private func scheduleWatch(_ context: ChannelHandlerContext, after pause: TimeAmount) {
        let session = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: pause) { session.value.checkPartial() }
    }

    private func checkPartial() {
        guard let context else { return }
        isPartialWatched = false
        guard let partialSince else { return }
        let left = partialSince + .init(served.settings.requestTimeout) - .now()
        guard left > .zero else { return context.close(promise: nil) }
        isPartialWatched = true
        scheduleWatch(context, after: left)
    }

    /// Lookups under way end by their own deadlines, so they are no idleness.
    private func checkIdleness() {
        guard let context else { return }
        let left = activeAt + .init(served.settings.idleTimeout) - .now()
        if case .waiting? = queue.first { return watchIdleness(context, after: .init(served.settings.idleTimeout)) }
        guard left > .zero else { return context.close(promise: nil) }
        watchIdleness(context, after: left)
    }
}
