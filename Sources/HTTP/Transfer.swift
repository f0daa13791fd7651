// SPDX-License-Identifier: Apache-2.0
import Basics
import CCurl
import Events
import Glibc
import Synchronization

/// One request under way: a handle of libcurl and what its callbacks note.
///
/// `@unchecked Sendable`, without a lock: once it was given to its loop, only the loop's thread touches it, from which
/// libcurl calls back. ``isCancelled`` alone is for everybody.
final class Transfer: @unchecked Sendable {
    typealias Outcome = Result<HTTPResponse, HTTPFailure>

    let request: HTTPRequest
    let easy: UnsafeMutableRawPointer
    let isCancelled = Atomic(false)
    let verification: PeerVerification
    /// What libcurl has to say of a failure.
    let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    /// Header fields and the address, which libcurl reads as long as the handle lives.
    var lists: [UnsafeMutablePointer<curl_slist>] = []

    /// Told once all but the last octet of the body is sent.
    var held: @Sendable () -> Void = {}
    var ended: @Sendable (Outcome) -> Void = { _ in }

    private(set) var stage = HTTPRequest.Stage.connecting
    /// When the loop is to end it.
    private(set) var deadline: ContinuousClock.Instant
    /// What it came to, if that is settled before libcurl ends it.
    private(set) var outcome: Outcome?
    /// A system call of our own that failed.
    private(set) var socketError: SystemError?

    /// Most connections of a request without a body: by HTTP/2 a host may refuse a request as one that it did not look
    /// at, and libcurl then asks again. - RFC 9113 §8.7: Request Reliability.
    private static let maxConnections = 2
    /// Octets of TLS itself, and of frames, chunks and pings that bring nothing: more than any honest host needs.
    private static let idleOctets = 256 << 10

    private var connections = 0
    private var reader = HeadReader()
    private var head: ResponseHead?
    private var isEarly = false
    private var body: [UInt8] = []
    private var sent = 0
    private var mayEnd: Bool
    private var isHeld = false

    /// Whether the last octet of the body has been handed over: the host may have the whole.
    var isSent: Bool { sent == request.body?.octets.count ?? 0 }

    /// Whether more came than the longest head and body need, even if they are compressed or not asked for.
    var isFlooded: Bool {
        verification.receivedOctets > 2 * request.bodyLimitBytes + HeadReader.maxOctets + Self.idleOctets
    }

    /// - Parameter holdsLastOctet: whether the last octet of the body waits for ``release()``.
    init(_ request: HTTPRequest, holdsLastOctet: Bool = false) throws(HTTPFailure) {
        guard let easy = curl_easy_init() else { throw .setup("libcurl has no memory") }
        self.easy = easy
        self.request = request
        mayEnd = !holdsLastOctet
        deadline = min(request.deadline, .now + request.connectTimeout)
        verification = PeerVerification(trust: request.trust, host: request.host)
        errorText.update(repeating: 0, count: Int(CURL_ERROR_SIZE))
        try setOptions()
    }

    deinit {
        curl_easy_cleanup(easy)
        for list in lists { curl_slist_free_all(list) }
        errorText.deallocate()
    }

    /// Lets the last octet go.
    func release() {
        mayEnd = true
        if isHeld { curl_easy_pause(easy, CURLPAUSE_CONT) }
    }

    /// What it came to when libcurl has ended it.
    func conclude(_ code: CURLcode) -> Outcome {
        if let outcome { return outcome }
        guard code == CURLE_OK else { return conclusion(failure(code)) }
        let isCut = head?.isOpenEnded == true && !verification.hasSaidGoodbye
        return conclusion(isCut ? .closed(.readingBody) : nil)
    }

    /// What it has come to when its deadline passes.
    func concludeLate() -> Outcome {
        if let outcome { return outcome }
        let isConnecting = stage == .connecting && .now < request.deadline
        return conclusion(isConnecting ? .connectTimeout : .deadline(stage))
    }

    /// What it has come to when the host floods it.
    func concludeFlooded() -> Outcome { outcome ?? conclusion(.tooManyOctets) }

    private func conclusion(_ failure: HTTPFailure?) -> Outcome {
        // Of an excerpt any beginning will do, even none.
        guard let head, failure == nil || request.excerptWaitLimit != nil else {
            return .failure(failure ?? .notHTTP)
        }
        return .success(
            HTTPResponse(
                head: head, body: body, isEarly: isEarly, certificateEnd: verification.certificateEnd))
    }

    /// Ends the transfer from within one of its callbacks.
    private func stop(_ outcome: Outcome) -> Bool {
        self.outcome = outcome
        return false
    }

    private func enter(_ stage: HTTPRequest.Stage) {
        self.stage = stage
        request.enters(stage)
    }
}

// What libcurl calls. False ends the transfer.
extension Transfer {
    /// Opens the socket, for the one address that may be dialled.
    func open(_ peer: UnsafeMutablePointer<curl_sockaddr>) -> Int32 {
        guard IPAddress(peer) == request.address else {
            outcome = .failure(.setup("libcurl dials another address"))
            return -1
        }
        // A body is sent once: what a second connection carried of it would not be whole.
        guard connections < (request.body == nil ? Self.maxConnections : 1) else {
            outcome = .failure(.closed(stage))
            return -1
        }
        connections += 1
        beginConnection()
        let descriptor = socket(
            peer.pointee.family, peer.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), peer.pointee.protocol)
        if descriptor < 0 { socketError = SystemError("socket") }
        return descriptor
    }

    private func beginConnection() {
        verification.beginConnection()
        guard connections > 1 else { return }
        deadline = min(request.deadline, .now + request.connectTimeout)
        enter(.connecting)
    }

    /// The connection is up, and the request comes next.
    func beginRequest() -> Bool {
        guard verification.isInPlace else { return stop(.failure(.setup("libcurl verifies by rules of its own"))) }
        deadline = request.deadline
        enter(.awaitingHead)
        return true
    }

    func take(line: UnsafeRawBufferPointer) -> Bool {
        switch reader.take(line) {
        case .more: return true
        case .failed(let failure): return stop(conclusion(failure))
        case .head(let head): return begin(head)
        }
    }

    private func begin(_ head: ResponseHead) -> Bool {
        self.head = head
        isEarly = sent < (request.body?.octets.count ?? 0)
        guard request.wantsBody(head) else { return stop(conclusion(nil)) }
        guard head.isDecodedOnce else { return stop(conclusion(.encoding)) }
        if let waitLimit = request.excerptWaitLimit { deadline = min(deadline, .now + waitLimit) }
        enter(.readingBody)
        return true
    }

    func take(body part: UnsafeRawBufferPointer) -> Bool {
        let room = request.bodyLimitBytes - body.count
        body += part.prefix(room)
        guard part.count > room else { return true }
        return stop(conclusion(.bodyTooLong))
    }

    /// Fills the buffer with what comes next of the request's body.
    func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        // A host that has answered gets nothing more.
        guard let octets = request.body?.octets, head == nil else { return Int(CURL_READFUNC_ABORT) }
        let end = mayEnd ? octets.count : max(0, octets.count - 1)
        guard sent < end || end == octets.count else {
            if !isHeld { held() }
            isHeld = true
            return Int(CURL_READFUNC_PAUSE)
        }
        let part = octets[sent..<min(end, sent + buffer.count)]
        buffer.copyBytes(from: part)
        sent += part.count
        return part.count
    }
}

extension IPAddress {
    fileprivate init?(_ peer: UnsafeMutablePointer<curl_sockaddr>) {
        guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
        let address = UnsafeRawPointer(peer) + offset
        switch peer.pointee.family {
        case AF_INET:
            let octets = address.loadUnaligned(as: sockaddr_in.self).sin_addr
            self.init(octets: withUnsafeBytes(of: octets) { Array($0) })
        case AF_INET6:
            let octets = address.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self.init(octets: withUnsafeBytes(of: octets) { Array($0) })
        default: return nil
        }
    }
}
