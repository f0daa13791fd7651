// SPDX-License-Identifier: Apache-2.0
import Basics
import LabKit

/// A domain of the fault table with its hosts: one cell. All is well there until its row strikes.
final class FaultSite: Sendable {
    let row: FaultTable.Row
    let column: FaultTable.Column
    let domain: String
    var mx: String { "mx.\(domain)" }
    /// The first mail host.
    let host: MXServer
    let network: TestNetwork
    /// What the daemons see of the DNS; the MTA sees `network.names`.
    let view: NameServer

    private let credential: Credential
    /// The row's addresses begin with it: a subnet of its own, as other people's hosts have.
    private let prefix: String
    private let others = Locked<[MXServer]>([])

    /// Addresses of a column's hosts in the row's subnet.
    private static let addressesEach = 60

    /// Sets up a domain whose policy says `enforce` and whose host keeps it.
    init(
        _ row: FaultTable.Row, number: Int, _ column: FaultTable.Column, credential: Credential, network: TestNetwork,
        view: NameServer
    ) throws {
        self.row = row
        self.column = column
        self.network = network
        self.view = view
        self.credential = credential
        domain = Self.domain(row, column)
        prefix = "127.21.\(number + 1)"
        host = try network.mailHost(
            "mx.\(domain)", at: "\(prefix).\(column.rawValue * Self.addressesEach + 1)", credential: credential)
        network.route(domain, to: ["mx.\(domain)"])
        network.names.set("_mta-sts.\(domain)", .txt("v=STSv1; id=1;"))
        network.names.set("mta-sts.\(domain)", .a(network.policies.address))
        network.policies.set(
            "mta-sts.\(domain)", .policy(mode: "enforce", mx: ["mx.\(domain)", "mx2.\(domain)"]),
            credential: credential)
    }

    static func domain(_ row: FaultTable.Row, _ column: FaultTable.Column) -> String {
        "\(row.name)-\(column.rawValue).lab"
    }

    /// The names that the certificate of a row must have.
    static func names(_ row: FaultTable.Row) -> [String] {
        FaultTable.Column.allCases.flatMap { column in ["mx.", "mx2.", "mta-sts."].map { $0 + domain(row, column) } }
    }

    /// Whatever was taken at any host that the domain's mail can be led to.
    var messages: [ReceivedMessage] { ([host] + others.withLock { $0 }).flatMap(\.messages) }

    /// An address of the site where nobody listens.
    var deadAddress: String { "\(prefix).\(column.rawValue * Self.addressesEach + Self.addressesEach - 1)" }

    /// Puts another host beside the first and gives its address.
    func another(plain: Bool) throws -> String {
        let number = others.withLock { $0.count }
        let address = "\(prefix).\(column.rawValue * Self.addressesEach + 2 + number)"
        let other = try MXServer(address: address, hostName: mx, credential: plain ? nil : credential)
        others.withLock { $0.append(other) }
        return address
    }

    /// Shows one behaviour to the first who connects, and strips STARTTLS for all who follow.
    func flap(_ first: (inout MXBehaviour) -> Void) {
        var plain = host.behaviour
        plain.credential = nil
        var odd = plain
        first(&odd)
        let script = [odd, plain]
        host.behave { script[min($0, 1)] }
    }

    /// Announces a new policy that its host answers so.
    func announce(_ answer: PolicyAnswer) {
        network.names.set("_mta-sts.\(domain)", .txt("v=STSv1; id=2;"))
        network.policies.set("mta-sts.\(domain)", answer)
    }
}
