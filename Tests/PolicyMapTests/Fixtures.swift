// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import MTASTS
import PolicyMap
import Testing

func name(_ text: String) throws -> DomainName { try DomainName(text) }

func cached(_ domain: String, body: String) throws -> CachedPolicy {
    CachedPolicy(
        domain: try name(domain), id: "1", policy: try Policy.read(body.utf8).policy,
        fetchedAt: UTCTime(secondsSinceEpoch: 1_767_225_600))
}

func cached(_ domain: String = "example.com", mode: String = "enforce", mx: [String]) throws -> CachedPolicy {
    let lines = ["version: STSv1", "mode: \(mode)"] + mx.map { "mx: \($0)" } + ["max_age: 604800", ""]
    return try cached(domain, body: lines.joined(separator: "\r\n"))
}

/// The answer about `example.com`.
func answer(_ finding: MapAnswer, _ form: MapForm, _ choices: MapReplySettings = MapReplySettings()) throws -> String {
    var octets: [UInt8] = []
    MapReply(form, choices).write(finding, of: try name("example.com"), to: &octets)
    return String(decoding: octets, as: UTF8.self)
}

func temporary(_ reason: TemporaryReason) -> String { "TEMP " + reason.rawValue }

/// "Try again later" about `example.com`.
func temporary(_ text: String) -> String { "TEMP example.com: " + text }

func netstring(_ text: String) -> String { "\(text.utf8.count):\(text)," }
