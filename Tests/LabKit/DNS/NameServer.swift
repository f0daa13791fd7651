// SPDX-License-Identifier: Apache-2.0
import Basics
import NIOCore
import NIOPosix

/// What a ``NameServer`` does wrong on purpose for a name and type.
package enum DNSFault: Sendable, Hashable {
    case servfail
    case refused
    case nxdomain
    /// The name exists, without such records.
    case nodata
    /// No answer ever. A resolver in between then thinks ill of the whole server: see ``NameServer``.
    case silent
    /// The right answer, later.
    case delay(milliseconds: Int64)
    /// Over UDP an empty answer marked as truncated, over TCP the right one.
    case truncated
    /// As ``truncated``, and no answer over TCP.
    case truncatedThenSilent
}

/// A DNS server, UDP and TCP, that answers from a table which may change while it runs.
///
/// It poses as a recursive server for everything in its table, so libunbound takes it for a forwarder, and Postfix
/// from resolv.conf. Names without records are NXDOMAIN, names with other records (or with names below them) NODATA,
/// both with an SOA of the top-level name. A record at `*.example.lab` stands for all names below that have none. A
/// CNAME is followed within the table. Records have TTL ``ttl``, 0 unless changed: nothing between the table and the
/// asking program then caches. Nothing is signed.
///
/// One that stands before another is what somebody on the way to a client makes of it: that client sees the other's
/// records but for those forged here, and whoever asks the other sees them all.
///
/// Unbound counts ``DNSFault/silent`` against the server's address: faults of that kind want a `NameServer` of
/// their own.
package final class NameServer: Sendable {
    fileprivate struct Question: Hashable {
        let name: String
        let type: DNSType?
    }

    fileprivate struct State {
        var records: [String: [DNSRecord]] = [:]
        var faults: [Question: DNSFault] = [:]
        var queries: [Question: Int] = [:]
        var ttl: UInt32 = 0
        var udp: (any Channel)?
    }

    package let address: String
    private let state = Locked(State())
    private let tcp: Locked<Listener?>
    /// Answers for names that have neither records nor faults here.
    private let next: NameServer?

    /// Answers at once on `address`, over UDP and TCP; with port 0 both share some free port.
    package init(address: String, port: Int = 53, before next: NameServer? = nil) throws {
        self.address = address
        self.next = next
        tcp = Locked(nil)
        let listener = try Listener(address: address, port: port) { [weak self] channel in
            guard let self else { return channel.close() }
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(NameStream(server: self))
            }
        }
        tcp.withLock { $0 = listener }
        try startUDP()
    }

    package var port: Int { tcp.withLock { $0?.port ?? 0 } }

    /// Time to live of every record, seconds.
    package var ttl: UInt32 {
        get { state.withLock { $0.ttl } }
        set { state.withLock { $0.ttl = newValue } }
    }

    /// Makes these the records of `name`, in place of all it had of their types.
    package func set(_ name: String, _ records: DNSRecord...) { set(name, records) }

    /// Makes these the records of `name`, in place of all it had of their types.
    package func set(_ name: String, _ records: [DNSRecord]) {
        let types = Set(records.map(\.type))
        state.withLock { state in
            let others = state.records[DNSName.key(name), default: []].filter { !types.contains($0.type) }
            state.records[DNSName.key(name)] = others + records
        }
    }

    /// Takes the records of `type` away from `name`, or all of them.
    package func remove(_ name: String, _ type: DNSType? = nil) {
        state.withLock { state in
            let left = state.records[DNSName.key(name), default: []].filter { type != nil && $0.type != type }
            state.records[DNSName.key(name)] = left.isEmpty ? nil : left
        }
    }

    /// Answers questions for `name` (of one type, or of all) with a fault until ``heal(_:_:)``; `*` stands for all names of
    /// a single label.
    package func fail(_ name: String, _ type: DNSType? = nil, _ fault: DNSFault) {
        state.withLock { $0.faults[Question(name: DNSName.key(name), type: type)] = fault }
    }

    /// Ends a fault given with the same name and type.
    package func heal(_ name: String, _ type: DNSType? = nil) {
        _ = state.withLock { $0.faults.removeValue(forKey: Question(name: DNSName.key(name), type: type)) }
    }

    /// Questions so far for `name`, of one type or of all.
    package func queries(_ name: String, _ type: DNSType? = nil) -> Int {
        state.withLock { $0.queries[Question(name: DNSName.key(name), type: type), default: 0] }
    }

    /// Answers nothing until ``start()``.
    package func stop() {
        tcp.withLock { $0 }?.stop()
        let udp = state.withLock { state in
            defer { state.udp = nil }
            return state.udp
        }
        try? udp?.close().wait()
    }

    /// Answers again after ``stop()``.
    package func start() throws {
        try tcp.withLock { $0 }?.start()
        if state.withLock({ $0.udp == nil }) { try startUDP() }
    }

    deinit { state.withLock { $0.udp }?.close(promise: nil) }

    private func startUDP() throws {
        do {
            let channel = try DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { [weak self] channel in
                    guard let self else { return channel.close() }
                    return channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(NameDatagrams(server: self))
                    }
                }
                .bind(host: address, port: port).wait()
            state.withLock { $0.udp = channel }
        } catch {
            throw LabError("cannot bind UDP \(address) port \(port): \(error)")
        }
    }
}

extension NameServer {
    /// What to send back and how long to wait first.
    struct Reply: Sendable {
        let bytes: [UInt8]
        let delay: TimeAmount
    }

    /// Octets of a UDP answer to a client without EDNS. - RFC 1035 §4.2.1: UDP usage.
    private static let plainUDPLimit = 512

    /// Answers one message; nil where none is to be sent.
    func reply(to bytes: [UInt8], overTCP: Bool) -> Reply? {
        guard let query = DNSQuery(bytes) else { return nil }
        let name = DNSName.key(query.name)
        let (fault, isOurs) = state.withLock { state in
            state.queries[Question(name: name, type: query.type), default: 0] += 1
            state.queries[Question(name: name, type: nil), default: 0] += 1
            return (state.fault(name, query.type), state.has(name, query.type))
        }
        if let next, !isOurs {
            switch fault {
            case nil: return next.reply(to: bytes, overTCP: overTCP)
            case .delay(let milliseconds):
                return next.reply(to: bytes, overTCP: overTCP).map {
                    Reply(bytes: $0.bytes, delay: .milliseconds(milliseconds))
                }
            case .servfail, .refused, .nxdomain, .nodata, .silent, .truncated, .truncatedThenSilent: break
            }
        }
        return state.withLock { state in
            var response = DNSResponse()
            var delay = TimeAmount.zero
            switch state.fault(name, query.type) {
            case .silent: return nil
            case .truncatedThenSilent where overTCP: return nil
            case .servfail: response.code = .serverFailure
            case .refused: response.code = .refused
            case .nxdomain:
                response.code = .noSuchName
                response.authority = Self.top(of: name)
            case .nodata: response.authority = Self.top(of: name)
            case .truncated where !overTCP, .truncatedThenSilent: response.truncated = true
            case .delay(let milliseconds):
                delay = .milliseconds(milliseconds)
                state.resolve(name, query.type, into: &response)
            case .truncated, nil: state.resolve(name, query.type, into: &response)
            }
            let limit = overTCP ? Int(UInt16.max) : max(query.payloadSize ?? 0, Self.plainUDPLimit)
            return Reply(bytes: response.encode(for: query, ttl: state.ttl, limit: limit), delay: delay)
        }
    }

    fileprivate static func top(of name: String) -> String { name.split(separator: ".").last.map(String.init) ?? "" }
}

fileprivate extension NameServer.State {
    func fault(_ name: String, _ type: DNSType) -> DNSFault? {
        faults[NameServer.Question(name: name, type: type)] ?? faults[NameServer.Question(name: name, type: nil)]
            ?? (name.isEmpty || name.contains(".") ? nil : faults[NameServer.Question(name: "*", type: nil)])
    }

    func has(_ name: String, _ type: DNSType) -> Bool { records[name]?.contains { $0.type == type } ?? false }

    /// Fills in what the table has, following CNAMEs. - RFC 1034 §3.6.2: Aliases and canonical names.
    func resolve(_ name: String, _ type: DNSType, into response: inout DNSResponse) {
        var name = name
        for hop in 0..<16 {
            // The resolver asks for the target of an alias itself, and meets its fault there.
            if hop > 0, fault(name, type) != nil { return }
            guard let records = records(at: name) else {
                response.code = .noSuchName
                response.authority = NameServer.top(of: name)
                return
            }
            let matching = records.filter { $0.type == type || type == .any }
            if matching.isEmpty, case .cname(let target)? = records.first(where: { $0.type == .cname }) {
                response.answers.append((name, .cname(target)))
                name = DNSName.key(target)
                continue
            }
            response.answers += matching.map { (name, $0) }
            if matching.isEmpty { response.authority = NameServer.top(of: name) }
            return
        }
    }

    /// The records at a name, those of a wildcard above it if it has none; nil if it does not exist.
    private func records(at name: String) -> [DNSRecord]? {
        if let own = records[name] { return own }
        if records.keys.contains(where: { $0.hasSuffix("." + name) }) { return [] }
        var rest = name[...]
        while let dot = rest.firstIndex(of: ".") {
            rest = rest[rest.index(after: dot)...]
            if let found = records["*.\(rest)"] { return found }
            if records[String(rest)] != nil { return nil }
        }
        return nil
    }
}
