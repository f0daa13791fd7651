// SPDX-License-Identifier: Apache-2.0
import TestKit
import Basics
import Core
import Dispatch
import LabKit
import Logging
import MTASTS
@testable import Milter

/// The laboratory's, under the name that the tests use.
typealias MilterClient = LabKit.MilterClient

/// A judge that answers from the domain's name: `good.lab`, `bad.lab`, `testing.lab`, `unknown.lab`, `none.lab`; what
/// lies below `slow.lab` is looked up for as long as the test wants.
final class TableJudge: RecipientJudge {
    private let noted = Locked<[String]>([])
    private let asked = Locked(0)
    private let released = Locked(false)
    private let pause = Locked(false)
    private let guardian = Locked(Enforcement.milter)
    private let byRecipient = Locked(false)
    private let acceptances = Locked<[String]>([])

    /// Domains whose mail went on.
    var accepted: [String] { acceptances.withLock { $0 } }
    func noteAccepted(_ domain: DomainName) { acceptances.withLock { $0.append(domain.ascii) } }
    var notesAccepted: Bool { true }
    /// Has all verdicts rest on a policy map.
    func countOnMap() { guardian.withLock { $0 = .milterAndPolicyMap } }

    var isPaused: Bool { pause.withLock { $0 } }
    func pause(_ isPaused: Bool) { pause.withLock { $0 = isPaused } }

    var notes: [String] { noted.withLock { $0 } }
    var lookups: Int { asked.withLock { $0 } }

    /// Lets lookups that wait come to their end.
    func release() { released.withLock { $0 = true } }

    /// Has the MTA ask the map for the domains of recipients.
    func askMapByRecipient() { byRecipient.withLock { $0 = true } }
    var isMapAskedByRecipient: Bool { byRecipient.withLock { $0 } }

    func cached(_ hops: [NextHop], isMapAsked: Bool) -> Judgement? {
        guard let domain = hops.first?.policyDomain else { return Judgement(.notJudged("address literal")) }
        if domain.ascii.hasSuffix("slow.lab") { return nil }
        return Judgement(answer(domain), on: basis(of: domain), under: isMapAsked ? guardian.withLock { $0 } : .milter)
    }

    func resolve(_ hops: [NextHop], isMapAsked: Bool) async -> Judgement {
        asked.withLock { $0 += 1 }
        while !released.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(2)) }
        guard let domain = hops.first?.policyDomain else { return Judgement(.notJudged("address literal")) }
        return Judgement(answer(domain))
    }

    func decideNow(_ hops: [NextHop], isMapAsked: Bool, because ending: WaitEnding) -> Judgement {
        Judgement(.unknown("lookup still running"))
    }

    func note(_ disposition: Disposition) {
        noted.withLock { $0.append("\(disposition.hops.first?.policyDomain?.ascii ?? "-")") }
    }

    func awaitsReport(_ recipient: EnvelopeAddress) -> Bool { recipient.local == "reports" }

    private func basis(of domain: DomainName) -> Judgement.Basis {
        let mode: String? =
            switch domain.ascii {
            case "testing.lab": "testing"
            case "none.lab": "none"
            case "unknown.lab", "literal.lab", "absent.lab": nil
            default: "enforce"
            }
        let text = mode.map { "version: STSv1\nmode: \($0)\nmx: mx.\(domain)\nmax_age: 86400\n" }
        let policy = text.flatMap { try? Policy.read($0.utf8).policy }.map {
            CachedPolicy(domain: domain, id: "1", policy: $0, fetchedAt: UTCTime(secondsSinceEpoch: 1_000_000))
        }
        return Judgement.Basis(policyDomain: domain, policy: policy)
    }

    private func answer(_ domain: DomainName) -> Verdict {
        let failure = Failure(.certificateExpired, text: "certificate expired")
        let finding = HostFinding(host: domain.child("mx"), failures: [failure])
        if domain.ascii.contains("bad") { return .violating(Violation(policyDomain: domain, findings: [finding])) }
        return switch domain.ascii {
        case "testing.lab": .testing([finding])
        case "unknown.lab": .unknown("DNS does not answer")
        case "unproven.lab": .unproven(Doubt("unreachable: mx.unproven.lab: timed out"))
        case "none.lab": .modeNone
        case "literal.lab": .notJudged("null MX")
        case "absent.lab": .noPolicy(nil)
        default: .conforming(.enforce)
        }
    }
}

/// Runs what blocks on a thread that no task needs, as libmilter's own are.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: body()) }
    }
}

extension Session {
    /// MAIL, with an address as the MTA gives it.
    func sender(_ address: String, requiresTLS: Bool = false, in context: some MilterContext) {
        var address = address
        address.withUTF8 { sender(UnsafeRawBufferPointer($0), requiresTLS: requiresTLS, in: context) }
    }

    /// RCPT, likewise.
    func recipient(_ address: String, in context: some MilterContext) -> Answer {
        recipient(EnvelopeAddress(address), in: context)
    }
}

/// What a callback asked of libmilter.
final class FakeContext: MilterContext {
    var symbols: [Macro: String]
    var replies: [Reply] = []
    var holds: [String] = []
    var canHold = true

    init(_ symbols: [Macro: String] = [:]) { self.symbols = symbols }

    func symbol(_ macro: Macro, like known: String?) -> String? { symbols[macro] }
    func setReply(_ reply: Reply) { replies.append(reply) }

    func quarantine(_ reason: String) -> Bool {
        holds.append(reason)
        return canHold
    }
}
