// SPDX-License-Identifier: Apache-2.0
import Basics

/// What a host answered.
package struct HTTPResponse: Sendable, Hashable {
    package let head: ResponseHead
    /// Without its content codings; empty where it was not wanted.
    package let body: [UInt8]
    /// Whether the head came before the request's last octet was sent: the host cannot have had the request.
    package let isEarly: Bool
    /// When the host's certificate ends; nil where nobody looked at it.
    package var certificateEnd: UTCTime?
}
