// SPDX-License-Identifier: Apache-2.0

/// One socketmap of Postfix's `smtp_tls_policy_maps`.
struct PostfixMap: Sendable, Hashable {
    /// As it stands in main.cf.
    let text: String
    /// `inet:host:port` or `unix:path`.
    let socket: Substring
    /// The map's name, which chooses the form of the answer.
    let name: String
    /// Whether proxymap(8) asks it for the client.
    let isProxied: Bool

    /// All socketmaps in a list, inside `pipemap:{}`, `unionmap:{}` and behind `proxy:` as well.
    static func list(_ text: String) -> [PostfixMap] {
        text.split { $0 == "," || $0 == "{" || $0 == "}" || $0.isWhitespace }.compactMap { element in
            let isProxied = element.hasPrefix("proxy:")
            let bare = isProxied ? element.dropFirst("proxy:".count) : element
            guard bare.hasPrefix("socketmap:"), let colon = bare.lastIndex(of: ":") else { return nil }
            let socket = bare[..<colon].dropFirst("socketmap:".count)
            guard socket.hasPrefix("inet:") || socket.hasPrefix("unix:") else { return nil }
            return PostfixMap(
                text: String(element), socket: socket, name: String(bare[bare.index(after: colon)...]),
                isProxied: isProxied)
        }
    }
}
