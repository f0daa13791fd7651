// SPDX-License-Identifier: Apache-2.0
import Basics
import FoundationEssentials

extension DomainName {
    /// A name that every host has.
    static let localhost: DomainName = {
        guard let name = try? DomainName("localhost") else { preconditionFailure("localhost is a name") }
        return name
    }()

    /// The host's own name.
    static var host: DomainName { (try? DomainName(ProcessInfo.processInfo.hostName)) ?? .localhost }
}

extension ServicePorts {
    /// Where the system's names of services stand; see services(5).
    private static let path = "/etc/services"
    /// Octets looked at; Debian's has 13,000.
    private static let limitOctets = 1 << 20

    /// The names that this system knows, as its MTA does; without the file those that Postfix knows by itself.
    static var ofSystem: ServicePorts {
        guard let octets = FileManager.default.contents(atPath: path) else { return ServicePorts() }
        return ServicePorts(table: String(decoding: octets.prefix(limitOctets), as: UTF8.self))
    }
}
