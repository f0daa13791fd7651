// SPDX-License-Identifier: Apache-2.0
import Store

/// Why a command finds no store to read, for its exit code.
package enum StoreObstacle: Sendable {
    /// Only root and the daemon's user may.
    case notPermitted
    /// There is no database yet, or none any more.
    case missing

    /// - Returns: nil for any other error.
    package init?(_ error: any Error) {
        switch (error as? StoreError)?.cause {
        case .notPermitted: self = .notPermitted
        case .missing, .vanished, .noDirectory: self = .missing
        case .readOnly, .notADatabase, .foreign, .corrupt, .newerSchema, .busy, .full, .other, nil: return nil
        }
    }
}
