// SPDX-License-Identifier: Apache-2.0
import Basics
import CMilter
import Glibc
import Metrics

/// The one server of the process: libmilter gives its callbacks no other way to find it.
private let server = Locked<MilterServer?>(nil)

/// Makes `new` the process's server; false if there is one already.
func serve(_ new: MilterServer) -> Bool {
    server.withLock { current in
        guard current == nil else { return false }
        current = new
        return true
    }
}

/// Names the callbacks to libmilter.
/// - Parameter withHeaders: whether headers are asked for, the same for all connections of the process.
func registerCallbacks(withHeaders: Bool) -> Bool {
    MilterServer.name.withUTF8Buffer { name in
        name.withMemoryRebound(to: CChar.self) { name in
            var description = smfiDesc()
            description.xxfi_name = UnsafeMutablePointer(mutating: name.baseAddress)
            description.xxfi_version = SMFI_VERSION
            description.xxfi_flags = UInt(SMFIF_SETSYMLIST | SMFIF_QUARANTINE)
            description.xxfi_negotiate = negotiate
            description.xxfi_envfrom = mail
            description.xxfi_envrcpt = recipient
            description.xxfi_header = withHeaders ? header : nil
            description.xxfi_eom = endOfMessage
            description.xxfi_abort = abortMessage
            description.xxfi_close = closeConnection
            return smfi_register(description) == MI_SUCCESS
        }
    }
}

/// Steps that the milter never needs. The steps MAIL and header are sent, but nobody waits for an answer.
private let unneededSteps = UInt(
    SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_MAIL)

private let negotiate:
    @convention(c) (
        OpaquePointer?, UInt, UInt, UInt, UInt, UnsafeMutablePointer<UInt>?, UnsafeMutablePointer<UInt>?,
        UnsafeMutablePointer<UInt>?, UnsafeMutablePointer<UInt>?
    ) -> sfsistat = { context, offeredActions, offeredSteps, _, _, actions, steps, reserved2, reserved3 in
        guard let context, let shared = server.withLock({ $0?.shared }) else { return sfsistat(SMFIS_REJECT) }
        let settings = shared.settings.value
        let headers = UInt(settings.tlsRequiredNo ? SMFIP_NR_HDR : SMFIP_NOHDRS)
        actions?.pointee = offeredActions & UInt(SMFIF_SETSYMLIST | SMFIF_QUARANTINE)
        steps?.pointee = offeredSteps & (unneededSteps | headers)
        reserved2?.pointee = 0
        reserved3?.pointee = 0
        if offeredActions & UInt(SMFIF_SETSYMLIST) != 0 { askForMacros(context, settings) }
        release(context)
        let session = Session(shared: shared, canQuarantine: offeredActions & UInt(SMFIF_QUARANTINE) != 0)
        shared.sessions.add(1, ordering: .relaxed)
        smfi_setpriv(context, Unmanaged.passRetained(session).toOpaque())
        return sfsistat(SMFIS_CONTINUE)
    }

/// Postfix sends no macros at all for stages that are not named here.
private func askForMacros(_ context: OpaquePointer, _ settings: MilterSettings) {
    let ofClient: [Macro] = settings.looksAtClient ? [.login, .daemonName, .clientAddress] : []
    let lists: [(stage: Int32, macros: [Macro])] = [
        (SMFIM_ENVFROM, [.queueID, .daemonPort] + ofClient),
        (SMFIM_ENVRCPT, [.queueID, .recipientMailer, .recipientHost]),
        (SMFIM_EOM, [.queueID]),
    ]
    for (stage, macros) in lists {
        let list = macros.map { "\($0.name)" }.joined(separator: " ")
        _ = list.withCString { smfi_setsymlist(context, stage, UnsafeMutablePointer(mutating: $0)) }
    }
}

private let mail: @convention(c) (OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> sfsistat = {
    context, arguments in
    withSession(context) { session, context in
        guard let address = arguments?[0] else { return }
        session.sender(octets(of: address), requiresTLS: hasParameter("REQUIRETLS", arguments), in: context)
    }
    return sfsistat(SMFIS_NOREPLY)
}

private func octets(of text: UnsafeMutablePointer<CChar>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text, count: strlen(text))
}

/// Whether a MAIL parameter follows the address in a list that ends with nil.
private func hasParameter(
    _ name: StaticString, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Bool {
    let name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    var index = 1
    while let argument = arguments?[index] {
        if strcasecmp(argument, name) == 0 { return true }
        index += 1
    }
    return false
}

private let recipient:
    @convention(c) (OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> sfsistat =
        { context, arguments in
            guard let address = arguments?[0] else { return sfsistat(SMFIS_CONTINUE) }
            let answer = withSession(context) { session, context in
                timed(session.callbacks.recipientTimes) {
                    session.recipient(EnvelopeAddress(octets: octets(of: address)), in: context)
                }
            }
            return answer?.status ?? sfsistat(SMFIS_CONTINUE)
        }

private let header:
    @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?) -> sfsistat = {
        context, name, value in
        if let name, let value, strcasecmp(name, "TLS-Required") == 0 {
            withSession(context) { session, _ in session.header(String(cString: name), String(cString: value)) }
        }
        return sfsistat(SMFIS_NOREPLY)
    }

private let endOfMessage: @convention(c) (OpaquePointer?) -> sfsistat = { context in
    let answer = withSession(context) { session, context in
        timed(session.callbacks.endTimes) { session.end(in: context) }
    }
    return answer?.status ?? sfsistat(SMFIS_CONTINUE)
}

private let abortMessage: @convention(c) (OpaquePointer?) -> sfsistat = { context in
    withSession(context) { session, _ in session.abort() }
    return sfsistat(SMFIS_CONTINUE)
}

private let closeConnection: @convention(c) (OpaquePointer?) -> sfsistat = { context in
    if let context { release(context) }
    return sfsistat(SMFIS_CONTINUE)
}

/// Frees the connection's state, if it has one; libmilter complains of state that is left.
private func release(_ context: OpaquePointer) {
    guard let state = smfi_getpriv(context) else { return }
    smfi_setpriv(context, nil)
    let session = Unmanaged<Session>.fromOpaque(state).takeRetainedValue()
    session.abort()
    session.shared.sessions.subtract(1, ordering: .relaxed)
}

/// Runs a callback on its connection's state; nil if there is none, as before negotiation.
@discardableResult
private func withSession<Result>(
    _ context: OpaquePointer?, _ body: (Session, CallbackContext) -> Result
) -> Result? {
    guard let context, let state = smfi_getpriv(context) else { return nil }
    // The context has a reference until its connection closes, and no callback runs beside another: none is taken here.
    return Unmanaged<Session>.fromOpaque(state)._withUnsafeGuaranteedRef { session in
        session.callbacks.begin()
        defer { session.callbacks.end() }
        return body(session, CallbackContext(pointer: context))
    }
}

/// Notes how long a callback takes: two looks at the clock that need no system call.
@inline(__always)
private func timed(_ times: Histogram, _ callback: () -> Answer) -> Answer {
    let began = nanosecondsNow()
    defer { times.note(nanoseconds: nanosecondsNow() - began) }
    return callback()
}

/// Not `ContinuousClock`, whose attoseconds cost as much as the look.
private func nanosecondsNow() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

extension Answer {
    fileprivate var status: sfsistat {
        switch self {
        case .proceed: sfsistat(SMFIS_CONTINUE)
        case .defer: sfsistat(SMFIS_TEMPFAIL)
        }
    }
}

/// libmilter's context during one callback.
private struct CallbackContext: MilterContext {
    let pointer: OpaquePointer

    func symbol(_ macro: Macro, like known: String?) -> String? {
        let name = UnsafeRawPointer(macro.name.utf8Start).assumingMemoryBound(to: CChar.self)
        guard let value = smfi_getsymval(pointer, UnsafeMutablePointer(mutating: name)) else { return nil }
        guard var known else { return String(cString: value) }
        let isKnown = known.withUTF8 { text in
            let given = octets(of: value)
            guard let ours = text.baseAddress, let theirs = given.baseAddress else { return text.count == given.count }
            return text.count == given.count && memcmp(ours, theirs, text.count) == 0
        }
        return isKnown ? known : String(cString: value)
    }

    func setReply(_ reply: Reply) {
        // Without a text the MTA says its own, and defers all the same.
        _ = Reply.code.withCString { code in
            reply.status.withCString { status in
                reply.milterText.withCString { text in
                    smfi_setreply(
                        pointer, UnsafeMutablePointer(mutating: code), UnsafeMutablePointer(mutating: status),
                        UnsafeMutablePointer(mutating: text))
                }
            }
        }
    }

    func quarantine(_ reason: String) -> Bool {
        reason.withCString { smfi_quarantine(pointer, UnsafeMutablePointer(mutating: $0)) } == MI_SUCCESS
    }
}
