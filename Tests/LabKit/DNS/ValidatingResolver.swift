// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import TestKit

/// The resolver of a laboratory: Debian's unbound, validating, in front of signed zones on Debian's nsd and of a
/// ``NameServer`` for every other name.
///
/// There is no root anchor: a signed zone stands on its own key, and the rest of the name space is insecure. The
/// daemon under test uses the same ``trustAnchorFile`` with this resolver as its forwarder. Nothing has a TTL, but
/// unbound itself keeps a SERVFAIL for five seconds. Needs the `nsd`, `unbound` and `ldnsutils` packages, and root.
package final class ValidatingResolver: Sendable {
    private struct State {
        var zones: [String: SignedZone]
        var serial = 1
    }

    /// Where unbound answers.
    package let address: String
    package let port: Int
    /// The zones' DNSKEY records: fit for unbound's `trust-anchor-file` and libunbound's `ub_ctx_add_ta_file`.
    package let trustAnchorFile: String

    private let directory: TemporaryDirectory
    private let authorityAddress: String
    private let keys: [String: String]
    private let state: Locked<State>
    private let processes: [BackgroundProcess]

    /// Signs the zones and starts both servers; ready to answer when it returns, after some 200 ms.
    ///
    /// `authorityAddress` (port 53) is nsd's; `unsigned` is asked for all names outside the signed zones. `maxTTL`, in
    /// seconds, bounds what it keeps and what it says of an answer's life: by default a change is seen at once.
    package init(
        address: String = "127.0.0.1", port: Int = 53, authorityAddress: String, zones: [SignedZone],
        unsigned: NameServer, maxTTL: Int = 0
    ) throws {
        let directory = try TemporaryDirectory("sts-lab-dns")
        self.directory = directory
        self.address = address
        self.port = port
        self.authorityAddress = authorityAddress
        var keys: [String: String] = [:]
        for zone in zones {
            keys[zone.name] = try zone.makeKey(in: directory.path)
            _ = try zone.sign(
                in: directory.path, key: keys[zone.name] ?? "", address: authorityAddress, serial: 1)
        }
        self.keys = keys
        trustAnchorFile = try directory.write("anchor.key", keys.values.map { readFile($0 + ".key") }.joined())
        state = Locked(State(zones: Dictionary(zones.map { ($0.name, $0) }) { $1 }))
        let authority = try Self.startNSD(directory, authorityAddress, zones.map(\.name))
        let stubs = zones.map { "stub-zone:\n name: \"\($0.name).\"\n stub-addr: \(authorityAddress)@53\n" }
        let forward = "forward-zone:\n name: \".\"\n forward-addr: \(unsigned.address)@\(unsigned.port)\n"
        let resolver = try Self.startUnbound(
            directory, address, port, anchor: trustAnchorFile, zones: stubs.joined() + forward, maxTTL: maxTTL)
        processes = [authority, resolver]
    }

    /// Replaces a signed zone, keeping its key; nsd serves the new one within moments, not at once.
    package func replace(_ zone: SignedZone) throws {
        guard let key = keys[zone.name] else { throw LabError("no zone \(zone.name)") }
        try state.withLock { state in
            state.serial += 1
            state.zones[zone.name] = zone
            _ = try zone.sign(in: directory.path, key: key, address: authorityAddress, serial: state.serial)
        }
        processes[0].signal(SIGHUP)
    }

    /// What unbound and nsd have logged.
    package var log: String { processes.map(\.log).joined() }

    package func stop() { for process in processes { process.stop() } }

    /// Answers nothing until ``resume()``; what is asked meanwhile is answered then.
    package func pause() { processes[1].signal(SIGSTOP) }

    /// Answers again after ``pause()``.
    package func resume() { processes[1].signal(SIGCONT) }

    private static func startNSD(
        _ directory: TemporaryDirectory, _ address: String, _ zones: [String]
    ) throws -> BackgroundProcess {
        let path = directory.path
        let stanzas = zones.map { "zone:\n name: \($0)\n zonefile: \(path)/\($0).zone.signed\n" }
        let configuration = try directory.write(
            "nsd.conf",
            """
            server:
              ip-address: \(address)@53
              server-count: 1
              username: ""
              database: ""
              zonesdir: "\(path)"
              pidfile: "\(path)/nsd.pid"
              xfrdfile: "\(path)/xfrd.state"
              xfrdir: "\(path)"
              zonelistfile: "\(path)/zone.list"
              rrl-ratelimit: 0
              zonefiles-check: yes
              verbosity: 1
            remote-control:
              control-enable: no
            \(stanzas.joined())
            """)
        let process = try BackgroundProcess(["nsd", "-d", "-c", configuration], logFile: path + "/nsd.log")
        try process.waitForLog("nsd started")
        return process
    }

    private static func startUnbound(
        _ directory: TemporaryDirectory, _ address: String, _ port: Int, anchor: String, zones: String,
        maxTTL: Int
    ) throws -> BackgroundProcess {
        let path = directory.path
        // AppArmor lets /usr/sbin/unbound read below /etc/unbound only; a copy elsewhere is not confined.
        let program = path + "/unbound"
        try Command.check(["sh", "-c", "cp \"$(command -v unbound || echo /usr/sbin/unbound)\" \(program)"])
        let configuration = try directory.write(
            "unbound.conf",
            """
            server:
              interface: \(address)@\(port)
              access-control: 127.0.0.0/8 allow
              access-control: ::1 allow
              chroot: ""
              username: ""
              directory: "\(path)"
              pidfile: ""
              use-syslog: no
              do-daemonize: no
              num-threads: 1
              verbosity: 1
              val-log-level: 2
              trust-anchor-file: "\(anchor)"
              do-not-query-localhost: no
              qname-minimisation: no
              aggressive-nsec: no
              infra-host-ttl: 0
              infra-cache-min-rtt: 400
              log-servfail: yes
              infra-keep-probing: yes
              val-bogus-ttl: 0
              cache-max-ttl: \(maxTTL)
              cache-max-negative-ttl: 0
            remote-control:
              control-enable: no
            \(zones)
            """)
        let process = try BackgroundProcess([program, "-d", "-c", configuration], logFile: path + "/unbound.log")
        try process.waitForLog("start of service")
        return process
    }
}
