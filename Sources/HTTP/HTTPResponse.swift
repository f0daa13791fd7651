// SPDX-License-Identifier: Apache-2.0

/// What a host answered.
package struct HTTPResponse: Sendable, Hashable {
    package let head: ResponseHead
    /// Without its content codings; empty where it was not wanted.
    package let body: [UInt8]
    /// Whether the head came before the request's last octet was sent: the host cannot have had the request.
    package let isEarly: Bool
}
