// SPDX-License-Identifier: Apache-2.0
import Basics
import Core

/// The MX records, the same for each domain but for some.
final class FakeRouter: Router, Fake {
    struct State {
        /// The names of the hosts.
        var answer: Result<[String], RouteError> = .success(["mx1.example.org"])
        /// Those of domains with other hosts.
        var others: [DomainName: [String]] = [:]
        var isSecure = false
        var keepFor = Duration.seconds(30)
        /// Further questions are not answered; nil answers all.
        var answersLeft: Int?
    }

    let state = Locked(State())

    func route(to nextHop: NextHop) async throws(RouteError) -> (Route, keepFor: Duration) {
        let (answer, isSecure): (Result<[String], RouteError>, Bool) = state.withLock {
            guard let left = $0.answersLeft else { return ($0.answer, $0.isSecure) }
            $0.answersLeft = left - 1
            return (left > 0 ? $0.answer : .failure(.unavailable("timed out")), $0.isSecure)
        }
        guard let domain = nextHop.policyDomain else { throw .noSuchDomain(isSecure: false) }
        let names: [String]
        if let own = self.others[domain] { names = own } else { names = try answer.get() }
        let candidates = names.compactMap { try? DomainName($0) }.map { MXHost(name: $0, preference: 10, port: 25) }
        return (Route(policyDomain: domain, candidates: candidates, isSecure: isSecure), self.keepFor)
    }
}
