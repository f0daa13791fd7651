// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import RuleTables
import Testing

@Suite("Map keys: what is worth a question")
struct MapKeyTests {
    private static let services = ServicePorts(table: MapKeyTable.services)

    @Test("next hops in every form", arguments: MapKeyTable.asked)
    func asked(_ key: String, _ expected: String) {
        let text: String? =
            switch MapKey(key, services: Self.services) {
            case .nextHop(.mx(let domain, let port)): "mx \(domain) \(port)"
            case .nextHop(.host(let domain, let port)): "host \(domain) \(port)"
            case .nextHop(.address), .withoutPolicy, .unreadable: nil
            }
        #expect(text == expected)
    }

    @Test("what never has a policy", arguments: MapKeyTable.skipped)
    func skipped(_ key: String) {
        #expect(MapKey(key, services: Self.services) == .withoutPolicy)
    }

    @Test("what cannot be read gives the names in it", arguments: MapKeyTable.unreadable)
    func unreadable(_ key: String, _ expected: String) {
        guard case .unreadable(let names) = MapKey(key, services: Self.services) else {
            Issue.record("\(key) is read")
            return
        }
        #expect(names.map(\.ascii).joined(separator: " ") == expected)
    }

    @Test("names are bounded in a key that holds many")
    func bounded() {
        let key = (0..<1000).map { "d\($0).example" }.joined(separator: ",")
        guard case .unreadable(let names) = MapKey(key, services: Self.services) else {
            Issue.record("a list is read")
            return
        }
        #expect(names.count == 64)
    }

    @Test("without a table, the names that Postfix knows by itself; a table's own entries are added to them")
    func services() {
        let none = ServicePorts()
        #expect(
            ["smtp", "lmtp", "smtps", "submission", "submissions"].map { none.port(of: $0) } == [25, 24, 465, 587, 465])
        #expect(none.port(of: "urd") == nil && none.port(of: "25") == 25 && none.port(of: "") == nil)
        let odd = ServicePorts(
            table: "smtp 26/tcp\r\nurd\t465/tcp#x\r\none 1/tcp two#three\r\none 2/tcp\n\u{fc} 3/tcp\n\0")
        #expect(["smtp", "urd", "one", "two", "\u{fc}"].map { odd.port(of: $0) } == [25, 465, 1, 1, 3])
        #expect(odd.port(of: "three") == nil)
    }
}
