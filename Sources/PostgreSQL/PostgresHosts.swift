// SPDX-License-Identifier: Apache-2.0
import CPQ

/// The connection string, taken apart into one for each host: libpq itself goes from host to host only as one fails, and
/// would wait for ever for one that is silent.
package struct PostgresHosts: Sendable {
    /// More than a cluster has.
    private static let maxHosts = 16

    /// The keys of a connection, in the order in which they are tried.
    let choices: [[(key: String, value: String)]]
    /// Whether the text itself has one.
    package let hasPassword: Bool

    /// - PostgreSQL, 34.1.1.3: Specifying Multiple Hosts.
    package init(_ text: String) throws(PostgresError) {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            defer { PQfreemem(message) }
            throw PostgresError(.settings, message.map { String(cString: $0) } ?? "out of memory")
        }
        defer { PQconninfoFree(options) }
        var keys: [(key: String, value: String)] = []
        var place = options
        while let keyword = place.pointee.keyword {
            if let value = place.pointee.val { keys.append((String(cString: keyword), String(cString: value))) }
            place += 1
        }
        hasPassword = keys.contains { $0.key == "password" && !$0.value.isEmpty }
        func list(_ key: String) -> [String] {
            let value = keys.first { $0.key == key }?.value ?? ""
            return value.isEmpty ? [] : value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(hosts.count, addresses.count, 1)
        let isEven = [hosts, addresses].allSatisfy { $0.isEmpty || $0.count == count }
        guard isEven, ports.count <= 1 || ports.count == count else {
            throw PostgresError(.settings, "host, hostaddr and port have different numbers of entries")
        }
        guard count <= Self.maxHosts else { throw PostgresError(.settings, "more than \(Self.maxHosts) hosts") }
        choices = (0..<count).map { index in
            var own = keys.filter { !["host", "hostaddr", "port"].contains($0.key) }
            if !hosts.isEmpty { own.append(("host", hosts[index])) }
            if !addresses.isEmpty { own.append(("hostaddr", addresses[index])) }
            if let port = ports.count > 1 ? ports[index] : ports.first { own.append(("port", port)) }
            return own
        }
    }
}
