// SPDX-License-Identifier: Apache-2.0
import CPQ
import Glibc

/// A connection that is made, for one thread. Each call waits for the server until the deadline, and not longer.
package final class PostgresSession {
    /// Rows of one answer: what is read in one statement is bounded by its own LIMIT.
    private static let maxRows = 100_000
    /// How long the server works on a statement, or waits for the next of a transaction: longer than anybody here waits.
    private static let serverLimit = Duration.seconds(60)

    private let handle: OpaquePointer
    /// Until when the work that has the session may take.
    var deadline: ContinuousClock.Instant

    private init(_ handle: OpaquePointer, _ deadline: ContinuousClock.Instant) {
        self.handle = handle
        self.deadline = deadline
    }

    deinit { PQfinish(handle) }

    var descriptor: Int32 { PQsocket(handle) }

    // MARK: Connecting

    /// Connects to the first host that fits.
    /// - Parameter perHost: how long one of several may take.
    static func connect(
        to hosts: PostgresHosts, until deadline: ContinuousClock.Instant, perHost: Duration
    ) throws(PostgresError) -> PostgresSession {
        var failures: [PostgresError] = []
        for choice in hosts.choices {
            guard ContinuousClock.now < deadline else { break }
            let end = hosts.choices.count > 1 ? min(deadline, .now + perHost) : deadline
            do throws(PostgresError) { return try connect(choice, until: end, statements: deadline) } catch {
                failures.append(error)
            }
        }
        // What another host says is of less use than that one lets us in, but is read-only or refuses.
        let telling = failures.last { ![.unreachable, .late].contains($0.cause) } ?? failures.last
        throw telling ?? PostgresError(.late, "no time to connect")
    }

    private static func connect(
        _ choice: [(key: String, value: String)], until end: ContinuousClock.Instant,
        statements deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> PostgresSession {
        let all = choice + [("client_encoding", "UTF8"), ("fallback_application_name", "sts-milter")]
        let started = withStrings(all.map { $0.key }) { keys in
            withStrings(all.map { $0.value }) { values in PQconnectStartParams(keys, values, 0) }
        }
        guard let started else { throw PostgresError(.other, "out of memory") }
        let session = PostgresSession(started, end)
        // So that an error has its SQLSTATE: before there is an answer, it is in the text alone.
        PQsetErrorVerbosity(started, PQERRORS_VERBOSE)
        PQsetNoticeProcessor(started, { _, _ in }, nil)
        guard PQstatus(started) != CONNECTION_BAD else { throw session.connectionFailure() }
        var events = Int16(POLLOUT)
        while true {
            try session.wait(for: events)
            switch PQconnectPoll(started) {
            case PGRES_POLLING_OK:
                guard PQsetnonblocking(started, 1) == 0 else { throw session.connectionFailure() }
                session.deadline = deadline
                try session.limitServer()
                return session
            case PGRES_POLLING_READING: events = Int16(POLLIN)
            case PGRES_POLLING_WRITING: events = Int16(POLLOUT)
            default: throw session.connectionFailure()
            }
        }
    }

    /// The server ends by itself what nobody waits for any more, and gives its locks back.
    private func limitServer() throws(PostgresError) {
        try run(
            """
            SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false),
                set_config('idle_in_transaction_session_timeout', $1, false)
            """, [.integer(Self.serverLimit.components.seconds * 1000)])
    }

    private func connectionFailure() -> PostgresError {
        let text = message
        if let state = Self.state(in: text) { return PostgresError(state: state, text) }
        // libpq's own words for target_session_attrs.
        if text.contains("session is read-only") || text.contains("server is in hot standby mode") {
            return PostgresError(.readOnly, text)
        }
        // What TLS or the way to log in lacks; libpq has no code for it.
        let isOurs = ["support SSL", "SSL error", "certificate", "invalid ", "could not load", "password"].contains {
            text.contains($0)
        }
        return PostgresError(isOurs ? .refused : .unreachable, text)
    }

    /// The SQLSTATE in `FATAL:  28P01: password authentication failed`: two blanks are before it alone.
    private static func state(in text: String) -> String? {
        let octets = Array(text.utf8)
        for place in octets.indices.dropLast(9) where octets[place...].starts(with: Array(":  ".utf8)) {
            let state = octets[(place + 3)..<(place + 8)]
            let isState = state.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
            if isState, octets[place + 8] == UInt8(ascii: ":") { return String(decoding: state, as: UTF8.self) }
        }
        return nil
    }

    /// What went wrong last, without where in the server's source it did.
    private var message: String {
        let lines = PQerrorMessage(handle).map { String(cString: $0) }?.split(separator: "\n") ?? []
        return lines.filter { !$0.hasPrefix("LOCATION:") }.joined(separator: " ")
    }

    // MARK: Statements

    /// Runs one statement.
    /// - Parameter parameters: stand in its text as `$1` and so on.
    @discardableResult
    package func run(_ sql: String, _ parameters: [PostgresValue] = []) throws(PostgresError) -> [PostgresRow] {
        let encoded = parameters.map(\.encoded)
        let sent = withOctets(encoded.map { $0?.octets }) { values in
            let lengths = encoded.map { Int32($0?.octets.count ?? 0) }
            let formats = encoded.map { $0?.isBinary == true ? Int32(1) : 0 }
            return PQsendQueryParams(handle, sql, Int32(encoded.count), nil, values, lengths, formats, 0)
        }
        guard sent == 1 else { throw lost() }
        try flush()
        var rows: [PostgresRow] = []
        var failure: PostgresError?
        while let result = try next() {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK: rows = Self.rows(of: result)
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
            default: failure = self.failure(of: result)
            }
        }
        if let failure { throw failure }
        return rows
    }

    /// Runs work in one transaction, which is committed if it ends without an error.
    package func transaction<Value>(
        _ work: (PostgresSession) throws(PostgresError) -> Value
    ) throws(PostgresError) -> Value {
        try run("BEGIN")
        let value: Value
        do throws(PostgresError) { value = try work(self) } catch {
            // Where the connection goes, the server rolls back by itself.
            if error.keepsConnection { try run("ROLLBACK") }
            throw error
        }
        do throws(PostgresError) { try run("COMMIT") } catch {
            // A deadline or a cut: the server may have committed all the same.
            throw error.state.isEmpty || error.cause == .unreachable
                ? PostgresError(.uncertain, state: error.state, error.text) : error
        }
        return value
    }

    private func flush() throws(PostgresError) {
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1: break
            default: throw lost()
            }
            // The server may wait for us to read.
            try wait(for: Int16(POLLIN | POLLOUT))
            guard PQconsumeInput(handle) == 1 else { throw lost() }
        }
    }

    private func next() throws(PostgresError) -> OpaquePointer? {
        while PQisBusy(handle) == 1 {
            try wait(for: Int16(POLLIN))
            guard PQconsumeInput(handle) == 1 else { throw lost() }
        }
        return PQgetResult(handle)
    }

    private func failure(of result: OpaquePointer?) -> PostgresError {
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        let text = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) } ?? message
        guard PQstatus(handle) == CONNECTION_OK, !state.isEmpty else {
            return PostgresError(.unreachable, state: state, text)
        }
        return PostgresError(state: state, text)
    }

    private func lost() -> PostgresError { PostgresError(.unreachable, message) }

    private static func rows(of result: OpaquePointer?) -> [PostgresRow] {
        let columns = PQnfields(result)
        return (0..<min(PQntuples(result), Int32(maxRows))).map { row in
            PostgresRow(
                columns: (0..<columns).map { column in
                    guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                        return nil
                    }
                    return String(cString: value)
                })
        }
    }

    // MARK: Channels

    /// What has been said since the last call; what has come so far is read without waiting.
    func notices() throws(PostgresError) -> [PostgresNotice] {
        guard PQconsumeInput(handle) == 1, PQstatus(handle) == CONNECTION_OK else { throw lost() }
        var notices: [PostgresNotice] = []
        while let notice = PQnotifies(handle) {
            defer { PQfreemem(notice) }
            notices.append(
                PostgresNotice(
                    channel: String(cString: notice.pointee.relname), payload: String(cString: notice.pointee.extra)))
        }
        return notices
    }

    // MARK: Waiting

    private func wait(for events: Int16) throws(PostgresError) {
        while true {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw PostgresError(.late, "no answer within the time that there was") }
            var polled = pollfd(fd: descriptor, events: events, revents: 0)
            guard polled.fd >= 0 else { throw lost() }
            let milliseconds = min((left / .milliseconds(1)).rounded(.up), 60_000)
            let count = poll(&polled, 1, Int32(milliseconds))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw PostgresError(.other, String(cString: strerror(errno))) }
        }
    }
}

/// A list of C strings that ends with a null pointer.
private func withStrings<Value>(_ texts: [String], _ body: ([UnsafePointer<CChar>?]) -> Value) -> Value {
    let copies = texts.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return body(copies.map { UnsafePointer($0) } + [nil])
}

/// Octets of parameters; null where there are none.
private func withOctets<Value>(_ values: [[UInt8]?], _ body: ([UnsafePointer<CChar>?]) -> Value) -> Value {
    let copies = values.map { octets -> UnsafeMutablePointer<CChar>? in
        guard let octets else { return nil }
        // At least one, so that no octets and NULL differ.
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: octets.count + 1)
        for (place, octet) in octets.enumerated() { copy[place] = CChar(bitPattern: octet) }
        return copy
    }
    defer { copies.forEach { $0?.deallocate() } }
    return body(copies.map { UnsafePointer($0) })
}
