// SPDX-License-Identifier: Apache-2.0

/// One socketmap of Postfix's `smtp_tls_policy_maps`.
package struct PostfixMap: Sendable, Hashable {
    /// As it stands in main.cf.
    package let text: String
    /// `inet:host:port` or `unix:path`.
    let socket: Substring
    /// The map's name, which chooses the form of the answer.
    let name: String
    /// Whether proxymap(8) asks it for the client.
    let isProxied: Bool

    /// All socketmaps in a list, inside `pipemap:{}`, `unionmap:{}` and behind `proxy:` as well. What an `inline:{}` or a
    /// `static:{}` has in its braces is no list.
    package static func list(_ text: String) -> [PostfixMap] {
        PostfixList.elements(text).flatMap { element -> [PostfixMap] in
            let isProxied = element.hasPrefix("proxy:")
            let bare = isProxied ? element.dropFirst("proxy:".count) : element[...]
            for type in ["pipemap:", "unionmap:"] where bare.hasPrefix(type) && bare.hasSuffix("}") {
                let inside = bare.dropFirst(type.count).drop { $0 == "{" || $0.isWhitespace }.dropLast()
                return list(String(inside))
            }
            guard bare.hasPrefix("socketmap:"), let colon = bare.lastIndex(of: ":") else { return [] }
            let socket = bare[..<colon].dropFirst("socketmap:".count)
            guard socket.hasPrefix("inet:") || socket.hasPrefix("unix:") else { return [] }
            return [
                PostfixMap(
                    text: element, socket: socket, name: String(bare[bare.index(after: colon)...]), isProxied: isProxied
                )
            ]
        }
    }
}
