// SPDX-License-Identifier: Apache-2.0

/// Elements in the order of their arrival, each once; any of them leaves in constant time.
struct LinkedQueue<Element: Hashable & Sendable>: Sendable {
    private struct Neighbours {
        var previous: Element?
        var next: Element?
    }

    private var links: [Element: Neighbours] = [:]
    private(set) var first: Element?
    private(set) var last: Element?

    var isEmpty: Bool { links.isEmpty }
    var count: Int { links.count }

    /// Does nothing if the element is there already.
    mutating func append(_ element: Element) {
        guard links[element] == nil else { return }
        links[element] = Neighbours(previous: last, next: nil)
        if let last { links[last]?.next = element } else { first = element }
        last = element
    }

    /// - Returns: whether the element was there.
    @discardableResult
    mutating func remove(_ element: Element) -> Bool {
        guard let old = links.removeValue(forKey: element) else { return false }
        if let previous = old.previous { links[previous]?.next = old.next } else { first = old.next }
        if let next = old.next { links[next]?.previous = old.previous } else { last = old.previous }
        return true
    }
}
