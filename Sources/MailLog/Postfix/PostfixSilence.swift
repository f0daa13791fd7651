// SPDX-License-Identifier: Apache-2.0
import Basics

/// Whether smtp(8) logs of TLS at all, by the name it logs under: with `smtp_tls_loglevel = 0`, Postfix's default, a
/// session with TLS looks like one without.
struct PostfixSilence: Sendable, Hashable, Codable {
    /// Deliveries without a word of TLS before the administrator hears of it.
    static let enough = 5
    /// Most names that are watched.
    private static let maxNames = 64

    /// Names under which there was no word of TLS yet, with their deliveries.
    private var silent: [String: Int] = [:]
    /// Names under which TLS was logged.
    private var logging: Set<String> = []
    /// Of those, the ones under which there was no word of it of late; nil if there are none.
    private var runs: [String: SilentRun]?
    /// The silent names that are still to be logged.
    private var unlogged: [String] = []
    /// The name noted last, which is most often the next, too.
    private var last = ""
    /// Whether it may be one of `runs`: not written down, so that the first look is a thorough one.
    private var lastMayHaveRun = true

    private enum CodingKeys: CodingKey { case silent, logging, runs, unlogged, last }

    init() {}

    /// Whether TLS was logged under the name, and not too long ago.
    func logsTLS(_ name: SyslogOctets) -> Bool { name == last || logging.contains(name.text) }

    mutating func noteTLS(_ name: SyslogOctets) {
        guard lastMayHaveRun || !(name == last) else { return }
        let name = name.text
        last = name
        lastMayHaveRun = false
        runs?[name] = nil
        if runs?.isEmpty == true { runs = nil }
        guard hasRoom(for: name) else { return }
        silent[name] = nil
        logging.insert(name)
    }

    /// - Parameter host: the server of a session without a word of TLS.
    mutating func noteNoTLS(_ name: SyslogOctets, with host: String) {
        let name = name.text
        if logging.contains(name) { return noteRun(name, host) }
        guard hasRoom(for: name) else { return }
        let count = (silent[name] ?? 0) + 1
        guard count <= Self.enough else { return }
        silent[name] = count
        if count == Self.enough { unlogged.append(name) }
    }

    /// The administrator may have set smtp_tls_loglevel back.
    private mutating func noteRun(_ name: String, _ host: String) {
        var run = runs?[name] ?? SilentRun()
        if name == last { lastMayHaveRun = true }
        guard run.add(host) else {
            runs = runs ?? [:]
            runs?[name] = run
            return
        }
        runs?[name] = nil
        if runs?.isEmpty == true { runs = nil }
        if name == last { last = "" }
        logging.remove(name)
        silent[name] = Self.enough
        unlogged.append(name)
    }

    private func hasRoom(for name: String) -> Bool {
        silent[name] != nil || logging.contains(name) || silent.count + logging.count < Self.maxNames
    }

    mutating func takeRemarks() -> [String] {
        defer { unlogged = [] }
        return unlogged.map {
            "\(printable($0)) logs no TLS sessions, so that mail sent with TLS looks like mail sent without: set "
                + "smtp_tls_loglevel = 1 in main.cf (postconf -e smtp_tls_loglevel=1; postfix reload)"
        }
    }
}
