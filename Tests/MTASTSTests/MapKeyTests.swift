// SPDX-License-Identifier: Apache-2.0
import MTASTS
import RuleTables
import Testing

@Suite("Map keys: what is worth a question")
struct MapKeyTests {
    @Test("next hops in every form", arguments: MapKeyTable.asked)
    func asked(_ key: String, _ expected: String) {
        let text: String? =
            switch NextHop(mapKey: key) {
            case .mx(let domain, let port): "mx \(domain) \(port)"
            case .host(let domain, let port): "host \(domain) \(port)"
            case .address, nil: nil
            }
        #expect(text == expected)
    }

    @Test("what never has a policy", arguments: MapKeyTable.skipped)
    func skipped(_ key: String) {
        #expect(NextHop(mapKey: key) == nil)
    }
}
