// SPDX-License-Identifier: Apache-2.0
import Basics
import Core
import DNS

extension DialableAddresses {
    /// As ``addresses(of:within:)``; what fails is a failure of the policy fetch.
    func addresses(
        of host: DomainName, before deadline: ContinuousClock.Instant
    ) async throws(FetchError) -> [IPAddress] {
        do throws(Undialable) {
            // A little longer, so that it is always the fetch's own deadline that passes.
            return try await addresses(of: host, within: deadline - .now + .seconds(1))
        } catch {
            switch error {
            case .notAsked(let text): throw .notTried(text)
            case .forNow(let text), .forGood(let text): throw .failed(PolicyFailure(.stsPolicyFetchError, text))
            }
        }
    }
}
