// SPDX-License-Identifier: Apache-2.0
import Concurrency
import Logging

/// What is wrong with datagrams, or with receiving them.
enum DatagramWarning: RepeatedWarning {
    case refused, odd, tooLong, full, lost, receiveFailed

    var message: Logger.Message {
        switch self {
        case .refused: "tlsrpt datagrams: one cannot be read and is not counted"
        case .odd: "tlsrpt datagrams: one is odd, what could be read is counted"
        case .tooLong: "tlsrpt datagrams: one is longer than we take and is not counted"
        case .full:
            "tlsrpt datagrams: more came than could be counted, the MTA is made to wait or lose them: see whether the store is slow"
        case .lost: "tlsrpt datagrams: no room for those that came before the stop, they are not counted"
        case .receiveFailed: "tlsrpt datagrams: cannot receive, trying again"
        }
    }
}
