// SPDX-License-Identifier: Apache-2.0
import Basics
import Foundation
import Glibc
import LabKit
import TestKit

/// Daemons that are one sender by a real PostgreSQL.
final class FleetSite: Sendable {
    private static let shared = Task { try PostgresServer(address: "127.20.0.100") }
    private static let numbers = Locked(0)

    let postgres: PostgresServer
    let database: String

    /// A database of its own, with tables.
    init() async throws {
        postgres = try await Self.shared.value
        database = "site\(Self.numbers.withLock { $0 += 1; return $0 })"
        _ = try postgres.query("CREATE DATABASE \(database)")
        try Self.migrate(postgres.settingsConnection(database: database))
    }

    private static func migrate(_ connection: String) throws {
        let folder = try TemporaryDirectory("sts-lab-fleet")
        let settings = try folder.write("sts-milter.toml", "[fleet]\npostgres = \"\(connection)\"\n")
        try Command.check([try DaemonProcess.program(), "fleet", "migrate", "--config", settings])
    }

    /// A daemon of the fleet.
    /// - Parameter gate: the last octet of its address.
    func machine(
        _ lab: Lab, _ gate: Int, _ host: String, report: String = "", more: String = ""
    ) throws -> DaemonProcess {
        try DaemonProcess(
            address: "127.20.9.\(gate)",
            settings: lab.network.settings.replacingOccurrences(
                of: "helo_name = \"mta.lab\"", with: "helo_name = \"\(host)\"") + """
                    [report]
                    organization_name = "Fleet Lab"
                    contact_info = "tlsrpt@fleet.lab"
                    \(report)
                    [fleet]
                    postgres = "\(try postgres.settingsConnection(database: database))"
                    \(more)

                    """)
    }

    /// No machine is let in while it is away.
    func setAway(_ isAway: Bool) throws {
        _ = try postgres.query("ALTER DATABASE \(database) WITH ALLOW_CONNECTIONS \(!isAway)")
    }

    /// The first column of the first row.
    func query(_ sql: String) throws -> String { try postgres.query(sql, database: database) }
}

/// Datagrams as Postfix sends them, at a pace; the kernel's queue is waited for, so that none is lost.
enum DatagramSender {
    private static func payload(_ domain: String) -> String {
        """
        {"dpv": "1","d": "\(domain)","pr": "v=TLSRPTv1; rua=mailto:reports@\(domain)","policies":[{"policy-type":2,\
        "policy-domain": "\(domain)","policy-string":["version: STSv1","mode: enforce","mx: mx.\(domain)",\
        "max_age: 604800"],"mx-host":["mx.\(domain)"],"t":0,"f":0}]}
        """
    }

    /// - Returns: how many were taken.
    static func send(to path: String, domains: Int, aSecond rate: Int, for time: Duration) throws -> Int {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw LabError("\(path): \(String(cString: strerror(errno)))") }
        let payloads = (0..<domains).map { Array(payload("d\($0).lab").utf8) }
        let start = ContinuousClock.now
        var count = 0
        while true {
            let passed = ContinuousClock.now - start
            guard passed < time else { return count }
            let due = Int(Double(rate) * (passed / .seconds(1)))
            while count < due {
                let payload = payloads[count % payloads.count]
                guard Glibc.send(descriptor, payload, payload.count, Int32(MSG_NOSIGNAL)) == payload.count else {
                    throw LabError("datagram \(count): \(String(cString: strerror(errno)))")
                }
                count += 1
            }
            usleep(2000)
        }
    }
}
