// SPDX-License-Identifier: Apache-2.0
import Basics

/// What can be asked for.
enum Route: Sendable, Hashable {
    case metrics, health, statusJSON

    /// - Returns: nil for what there is not.
    init?(_ target: String) {
        let path = target.prefix { $0 != "?" }
        switch path {
        case "/metrics": self = .metrics
        case "/healthz": self = .health
        case "/status.json": self = .statusJSON
        default: return nil
        }
    }
}
