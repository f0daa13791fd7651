// SPDX-License-Identifier: Apache-2.0
import Basics

/// Which mail is treated otherwise: all conditions that are given must hold.
package struct Rule: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// Not judged at all.
        case exempt
        /// Judged, with other consequences; nil leaves the general setting.
        case act(onViolation: ViolationAction?, onUnknown: UnknownAction?, onUnproven: UnknownAction?)
    }

    /// `{daemon_name}`: Postfix's `milter_macro_daemon_name`, Sendmail's `Name=`.
    package var daemonName: String?
    /// `{daemon_port}`: the port on which the MTA took the mail.
    package var port: UInt16?
    /// Any of them; empty for all clients.
    package var clientNetworks: [IPNetwork]
    /// Whether the client logged in, `{auth_authen}`.
    package var authenticated: Bool?
    package var senderDomain: DomainPattern?
    package var recipientDomain: DomainPattern?
    package var action: Action

    package init(
        daemonName: String? = nil, port: UInt16? = nil, clientNetworks: [IPNetwork] = [], authenticated: Bool? = nil,
        senderDomain: DomainPattern? = nil, recipientDomain: DomainPattern? = nil, action: Action
    ) {
        self.daemonName = daemonName
        self.port = port
        self.clientNetworks = clientNetworks
        self.authenticated = authenticated
        self.senderDomain = senderDomain
        self.recipientDomain = recipientDomain
        self.action = action
    }

    /// Whether it speaks of all recipients of all messages.
    package var isUnconditional: Bool {
        daemonName == nil && port == nil && clientNetworks.isEmpty && authenticated == nil && senderDomain == nil
            && recipientDomain == nil
    }

    /// Whether the rule speaks of this recipient; what the MTA did not say fulfils no condition.
    package func matches(_ origin: Origin, recipientDomain domain: DomainName?) -> Bool {
        if let daemonName, daemonName != origin.daemonName { return false }
        if let port, port != origin.port { return false }
        if let authenticated, authenticated != origin.isAuthenticated { return false }
        if !clientNetworks.isEmpty {
            guard let client = origin.client, clientNetworks.contains(where: { $0.contains(client) }) else {
                return false
            }
        }
        if let senderDomain {
            guard let sender = origin.sender.domain, senderDomain.matches(sender) else { return false }
        }
        if let recipientDomain {
            guard let domain, recipientDomain.matches(domain) else { return false }
        }
        return true
    }
}

extension [Rule] {
    /// What the first rule that matches says; nil if none does.
    package func action(for origin: Origin, recipientDomain: DomainName?) -> Rule.Action? {
        first { $0.matches(origin, recipientDomain: recipientDomain) }?.action
    }
}

/// Where a message comes from, as far as the MTA says and a rule asks.
package struct Origin: Sendable, Hashable {
    package var daemonName: String?
    package var port: UInt16?
    package var client: IPAddress?
    package var isAuthenticated: Bool
    package var sender: EnvelopeAddress

    package init(
        daemonName: String? = nil, port: UInt16? = nil, client: IPAddress? = nil, isAuthenticated: Bool = false,
        sender: EnvelopeAddress = EnvelopeAddress(local: "", domain: nil)
    ) {
        self.daemonName = daemonName
        self.port = port
        self.client = client
        self.isAuthenticated = isAuthenticated
        self.sender = sender
    }
}

/// A domain, or with a leading dot all names below one, in the manner of Postfix's tables.
package struct DomainPattern: Sendable, Hashable, CustomStringConvertible {
    private let domain: DomainName
    private let isParent: Bool

    package var description: String { (isParent ? "." : "") + domain.ascii }

    package init(_ text: some StringProtocol) throws(DomainNameError) {
        isParent = text.hasPrefix(".")
        domain = try DomainName(isParent ? text.dropFirst() : text[...])
    }

    package func matches(_ name: DomainName) -> Bool {
        isParent ? name != domain && name.isWithin(domain) : name == domain
    }
}
