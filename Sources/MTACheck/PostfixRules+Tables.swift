// SPDX-License-Identifier: Apache-2.0

extension PostfixMap {
    /// Whether another program that answers by MTA-STS is asked: postfix-mta-sts-resolver, on its usual port or socket, or
    /// postfix-tlspol, by the names of its maps.
    package var isOtherPolicyProgram: Bool {
        switch name {
        case "QUERY", "QUERYwithTLSRPT": true
        case "postfix": socket.hasSuffix(":8461") || socket.firstRange(of: "mta-sts") != nil
        default: false
        }
    }
}

/// `smtp_tls_policy_maps` as it is to be. What the site has of its own stays and comes before our map.
extension PostfixRules {
    static let mapsName = "smtp_tls_policy_maps"

    /// Our map behind all tables of the site's own, other programs' among them that do not judge by MTA-STS.
    var mapsLine: String { "\(Self.mapsName) = \(policyMaps(ownFirst: false).joined(separator: ", "))" }

    /// Our map before other programs'.
    var mapsLineWithOursFirst: String { "\(Self.mapsName) = \(policyMaps(ownFirst: true).joined(separator: ", "))" }

    private func policyMaps(ownFirst: Bool) -> [String] {
        var tables = PostfixList.elements(facts[Self.mapsName]).compactMap(asItShouldBe)
        if !tables.contains(where: namesUs) { tables.append(mapEntry) }
        guard ownFirst else { return tables.uniqued }
        let isOther = { (table: String) in !namesUs(table) && !PostfixMap.list(table).isEmpty }
        return (tables.filter { !isOther($0) } + tables.filter(isOther)).uniqued
    }

    /// Nil for what our map takes the place of.
    private func asItShouldBe(_ table: String) -> String? {
        let maps = PostfixMap.list(table)
        if let map = maps.first, map.text == table {
            if isOurs(map) { return (map.isProxied ? "proxy:" : "") + mapEntry }
            return map.isOtherPolicyProgram ? nil : table
        }
        // What a pipemap or unionmap means as a whole is the site's to know: another program's map in it stays.
        return maps.filter(isOurs).reduce(table) { $0.replacing($1.text, with: mapEntry) }
    }

    private func namesUs(_ table: String) -> Bool { PostfixMap.list(table).contains(where: isOurs) }

    /// Also one at a socket that sts-milter had before.
    private func isOurs(_ map: PostfixMap) -> Bool {
        guard let socket = settings.mapSocket else { return false }
        return answers(socket, map, false) || answers(socket, map, true)
            || map.socket.firstRange(of: "sts-milter/") != nil
    }
}

extension [String] {
    /// Each once, at its first place.
    fileprivate var uniqued: [String] {
        var seen = Set<String>()
        return filter { seen.insert($0).inserted }
    }
}
