// SPDX-License-Identifier: Apache-2.0
import Basics
import CUnbound
import Glibc

/// Makes libunbound's context from settings.
enum ResolverContext {
    /// Sockets for queries under way; more queries than this wait for each other.
    private static let maxSockets: UInt = 4096
    /// How long an answer is kept, in seconds: what a domain repairs must not wait for a day, and behind us is the
    /// resolver that we ask, which keeps it longer.
    private static let maxLife = "300"
    /// Octets of a file of servers or of trust anchors; both have some hundreds.
    private static let fileLimitBytes = 1 << 20

    static func make(_ settings: DNSSettings) throws(DNSSetupError) -> OpaquePointer {
        guard let context = ub_ctx_create() else { throw .library("out of memory or descriptors") }
        do {
            try configure(context, settings)
            return context
        } catch {
            ub_ctx_delete(context)
            throw error
        }
    }

    private static func configure(_ context: OpaquePointer, _ settings: DNSSettings) throws(DNSSetupError) {
        // Standard error belongs to the daemon's log.
        ub_ctx_debugout(context, nil)
        try check(ub_ctx_async(context, 1))
        let sockets = String(socketLimit())
        let options = [
            ("outgoing-range:", sockets), ("num-queries-per-thread:", sockets), ("outgoing-num-tcp:", "64"),
            ("msg-cache-size:", "8m"), ("rrset-cache-size:", "16m"),
            // Not infra-cache-max-rtt: a lower one has a single dead zone behind the server block the server itself.
            ("infra-keep-probing:", "yes"), ("infra-host-ttl:", "60"), ("serve-expired:", "no"),
            // A resolver that knows most names at once would be given up after 1.5 s, in five tries, for one that it has
            // to look up.
            ("infra-cache-min-rtt:", "400"),
            // A test whether the resolver answers must not be answered out of our own cache.
            ("aggressive-nsec:", "no"),
            ("cache-max-negative-ttl:", maxLife), ("cache-max-ttl:", maxLife), ("tcp-auth-query-timeout:", "2000"),
        ]
        for (name, value) in options { try check(ub_ctx_set_option(context, name, value)) }
        try setServers(context, settings)
        try setTrustAnchor(context, settings)
    }

    /// Half of the descriptors that the process may open; the rest is for its connections.
    private static func socketLimit() -> UInt {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
        return max(16, min(maxSockets, UInt(limit.rlim_cur) / 2))
    }

    private static func setServers(_ context: OpaquePointer, _ settings: DNSSettings) throws(DNSSetupError) {
        let servers: [String]
        if let forwarder = settings.forwarder {
            guard DNSSettings.isServer(forwarder) else { throw .badForwarder(printable(forwarder)) }
            servers = [forwarder]
        } else {
            servers = try systemServers(settings.resolverFile)
        }
        for server in servers { try check(ub_ctx_set_fwd(context, server)) }
        // By default libunbound never asks 127.0.0.0/8 and ::1.
        if servers.contains(where: { IPAddress($0.prefix { $0 != "@" })?.isLoopback == true }) {
            try check(ub_ctx_set_option(context, "do-not-query-localhost:", "no"))
        }
    }

    /// The servers of resolv.conf(5), read here because `ub_ctx_resolvconf` does not say which it found.
    private static func systemServers(_ path: String) throws(DNSSetupError) -> [String] {
        let text: String
        do { text = try contents(of: path) } catch {
            throw .unreadableResolverFile(path, reason: "\(error)")
        }
        let servers = text.split(whereSeparator: \.isNewline).compactMap { line -> String? in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { return nil }
            return DNSSettings.isServer(String(words[1])) ? String(words[1]) : nil
        }
        guard !servers.isEmpty else { throw .noServers(path) }
        return servers
    }

    private static func setTrustAnchor(_ context: OpaquePointer, _ settings: DNSSettings) throws(DNSSetupError) {
        let path: String
        switch settings.trustAnchor {
        case .none: return
        case .file(let file): path = file
        case .system:
            path = DNSSettings.systemTrustAnchorFile
            guard access(path, F_OK) == 0 else { return }
        }
        let text: String
        do { text = try contents(of: path) } catch {
            throw .unreadableTrustAnchor(path, reason: "\(error)")
        }
        // libunbound would find out at the first query only, and then fail every one.
        let holdsKey = text.split(whereSeparator: \.isNewline).contains { line in
            let words = line.prefix { $0 != ";" }.split(whereSeparator: \.isWhitespace).map { $0.uppercased() }
            return words.contains("DS") || words.contains("DNSKEY")
        }
        guard holdsKey else { throw .badTrustAnchor(path) }
        try check(ub_ctx_add_ta_file(context, path))
    }

    private static func check(_ code: Int32) throws(DNSSetupError) {
        guard code == UB_NOERROR.rawValue else { throw .library(String(cString: ub_strerror(code))) }
    }

    private static func contents(of path: String) throws(FileError) -> String {
        String(decoding: try RegularFile.read(path, limitBytes: fileLimitBytes), as: UTF8.self)
    }
}
