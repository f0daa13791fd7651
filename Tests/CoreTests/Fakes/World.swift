// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import Logging
import TestKit

/// One fake for each port, and a clock.
struct World: Sendable {
    let clock = TestClock(UTCTime(secondsSinceEpoch: 1_000_000))
    let discoverer = FakeDiscoverer()
    let memory = FakeMemory()
    let store = FakeStore()
    let router = FakeRouter()
    let prober = FakeProber()
    let surveyor = FakeSurveyor()
    let recorder = FakeRecorder()

    func policyCache(
        overrides: any PolicyOverrides = NoPolicyOverrides(), peers: any PolicyPeers = NoPolicyPeers(),
        settings: PolicyCacheSettings = PolicyCacheSettings()
    ) -> PolicyCache {
        PolicyCache(
            memory: memory, store: store, discoverer: discoverer, overrides: overrides, peers: peers, clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: settings)
    }

    /// One that remembers nothing.
    /// - Parameter routes: nil makes one of its own.
    func resolver(_ policies: PolicyCache, routes: RouteCache? = nil) -> NextHopResolver {
        NextHopResolver(
            policies: policies, routes: routes ?? RouteCache(router: router, clock: clock), prober: prober,
            surveyor: surveyor, clock: clock)
    }
}
