// SPDX-License-Identifier: Apache-2.0

/// Why a policy was not fetched.
package enum FetchError: Error, Sendable, Hashable {
    /// The domain's part: no older policy applying, there is none. - RFC 8461 §3.3: HTTPS Policy Fetching.
    case failed(PolicyFailure)
    /// Our own part, such as too many fetches under way: it says nothing of the domain. The text is safe to print.
    case notTried(String)
}
