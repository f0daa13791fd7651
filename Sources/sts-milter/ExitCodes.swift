// SPDX-License-Identifier: Apache-2.0
import Control
import Daemon

/// Exit codes of commands beside those of the service. - sysexits(3)
enum ExitCodes {
    static let usage: Int32 = 64
    static let outputLost: Int32 = 74
    static let noPermission: Int32 = 77

    /// What a script is told of an error that ended a command.
    static func of(_ error: any Error) -> Int32 {
        switch error {
        case ControlError.notPermitted: noPermission
        case is ControlError: Service.ExitCode.unavailable.rawValue
        default:
            switch StoreObstacle(error) {
            case .notPermitted: noPermission
            case .missing: Service.ExitCode.unavailable.rawValue
            case nil: 1
            }
        }
    }
}
