// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS

/// Policies as a large site's store has them: nine of ten domains are with one of a few dozen hosters and have its text,
/// the tenth has hosts of its own. Each has an id of its own.
enum StoredMix {
    static let now = SystemClock().now
    private static let hosters = 40
    private static let lines = "version: STSv1\r\nmode: enforce\r\n"

    static func domain(_ number: Int) throws -> DomainName { try DomainName("customer-\(number).example.org") }

    static func policy(_ number: Int) throws -> CachedPolicy {
        let hosts =
            number.isMultiple(of: 10)
            ? "mx: mx1.customer-\(number).example.org\r\nmx: mx2.customer-\(number).example.org\r\n"
            : "mx: mx.hoster-\(number % hosters).example.net\r\nmx: *.mail.hoster-\(number % hosters).example.net\r\n"
        return CachedPolicy(
            domain: try domain(number), id: String(20_260_101_000_000 + number),
            policy: try Policy.read((lines + hosts + "max_age: 604800\r\n").utf8).policy,
            fetchedAt: now - .seconds(number % 43_200))
    }
}
