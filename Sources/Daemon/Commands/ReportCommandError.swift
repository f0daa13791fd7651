// SPDX-License-Identifier: Apache-2.0
import Basics

/// Why a `report` command cannot be carried out.
package enum ReportCommandError: Error, Sendable, CustomStringConvertible {
    case dayNotOver(UTCDay)
    case dayAhead(UTCDay)
    case obstacle(String)
    case output(String, cause: String)

    package var description: String {
        switch self {
        case .dayNotOver(let day): "\(day) is not over yet (UTC): its reports are made when it is"
        case .dayAhead(let day): "\(day) has not begun yet (UTC): there is nothing to report"
        case .obstacle(let text): text
        case .output(let path, let cause): "\(printable(path)): cannot be written: \(cause)"
        }
    }
}
