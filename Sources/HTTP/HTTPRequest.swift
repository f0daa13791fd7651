// SPDX-License-Identifier: Apache-2.0
import Basics
import TLS

/// One request to one address of a host.
package struct HTTPRequest: Sendable {
    /// What is sent along, as POST.
    package struct Body: Sendable {
        package let mediaType: String
        package let octets: [UInt8]

        package init(_ octets: [UInt8], as mediaType: String) {
            self.octets = octets
            self.mediaType = mediaType
        }
    }

    /// How far a transfer has come.
    package enum Stage: Sendable, Hashable {
        /// TCP or TLS is not up.
        case connecting
        /// The request is on its way, or the head of the response is.
        case awaitingHead
        case readingBody
    }

    /// The host by name, for SNI and certificate; nil if it has none but its address.
    package let host: DomainName?
    /// The one address that is dialled.
    package let address: IPAddress
    package let port: UInt16
    /// With the query, from the first slash on; visible ASCII.
    package let path: String
    /// Whose certificates are taken, for ``host`` alone; nil takes any.
    package let trust: TLSContext?
    package var userAgent = "sts-milter"
    package var accept = "*/*"
    package var body: Body?
    /// Time for TCP and TLS together, within the deadline.
    package var connectTimeout: Duration = .seconds(10)
    package let deadline: ContinuousClock.Instant
    /// Most octets of the response's body, decoded.
    package var bodyLimitBytes = 65_536
    /// How long a body is waited for of which any beginning will do, cut at the limit; nil wants it whole.
    package var excerptWaitLimit: Duration?
    /// Whether the body behind such a head is wanted; without it the response is the head alone.
    package var wantsBody: @Sendable (ResponseHead) -> Bool = { _ in true }
    /// Told of each stage, on the client's thread.
    package var enters: @Sendable (Stage) -> Void = { _ in }

    package init(
        host: DomainName?, address: IPAddress, port: UInt16 = 443, path: String, trust: TLSContext?,
        deadline: ContinuousClock.Instant
    ) {
        self.host = host
        self.address = address
        self.port = port
        self.path = path
        self.trust = trust
        self.deadline = deadline
    }

    /// - RFC 9110 §4.2.2: https URI Scheme.
    var url: String {
        let name = host?.ascii ?? addressInURL
        return "https://\(name)\(port == 443 ? "" : ":\(port)")\(path)"
    }

    /// What libcurl is to dial in place of the URL's host.
    var connectTo: String { "::\(addressInURL):\(port)" }

    private var addressInURL: String { address.isIPv6 ? "[\(address)]" : "\(address)" }
}
