// SPDX-License-Identifier: Apache-2.0
import Testing
@testable import Concurrency

/// A queue with a book of what became of each request; requests are named as the test likes.
struct QueueBook {
    private var queue: FairQueue<String>
    private var names: [UInt64: String] = [:]
    private var tickets: [String: UInt64] = [:]
    private(set) var holding: Set<String> = []
    /// In the order of their start.
    private(set) var started: [String] = []
    private(set) var refused: [String] = []
    private(set) var withdrawn: [String] = []

    init(_ places: Int, reserved: Int = 0, maxWaiting: Int = 1000) {
        queue = FairQueue(places: places, reservedPlaces: reserved, maxWaiting: maxWaiting)
    }

    var waiting: Int { queue.waiting }
    var taken: Int { queue.taken }

    mutating func ask(_ name: String, _ keys: String..., isReserved: Bool = false) {
        let ticket = UInt64(names.count)
        names[ticket] = name
        tickets[name] = ticket
        switch queue.ask(ticket, keys, isReserved: isReserved) {
        case .starts: start([ticket])
        case .waits(let dropped): if let dropped, let name = names[dropped] { refused.append(name) }
        case .refused: refused.append(name)
        }
    }

    mutating func end(_ name: String) {
        holding.remove(name)
        if let ticket = tickets[name] { start(queue.end(ticket)) }
    }

    mutating func withdraw(_ name: String) {
        if let ticket = tickets[name], queue.withdraw(ticket) { withdrawn.append(name) }
    }

    private mutating func start(_ new: [UInt64]) {
        for name in new.compactMap({ names[$0] }) {
            started.append(name)
            holding.insert(name)
        }
    }
}

@Suite("Places go round by shares")
struct FairQueueTests {
    @Test("one share gets any of the first half, and of the rest an eighth of all")
    func limits() {
        // Places; what one share gets when it asks for all of them; what a second gets then.
        let rows: [(places: Int, alone: Int, second: Int)] = [
            (1, 1, 0), (2, 1, 1), (3, 2, 1), (8, 4, 1), (16, 8, 2), (64, 32, 8), (256, 128, 32),
        ]
        for row in rows {
            var book = QueueBook(row.places)
            for number in 0..<row.places { book.ask("a\(number)", "a") }
            #expect(book.taken == row.alone, "\(row)")
            for number in 0..<row.places { book.ask("b\(number)", "b") }
            #expect(book.taken == row.alone + row.second, "\(row)")
        }
    }

    @Test("every share of a request counts, whichever it is")
    func severalShares() {
        var book = QueueBook(16)
        for number in 0..<20 { book.ask("a\(number)", "owner\(number)", "block") }
        #expect(book.taken == 8)
        for number in 20..<40 { book.ask("a\(number)", "block", "owner\(number)") }
        #expect(book.taken == 8)
        book.ask("victim", "other", "elsewhere")
        #expect(book.holding.contains("victim"))
    }

    @Test("a waiter that waits for another of its shares does not hold up its own")
    func nobodyInFront() {
        var book = QueueBook(16)
        for number in 0..<8 { book.ask("h\(number)", "hostile") }
        for number in 0..<8 { book.ask("s\(number)", "stranger\(number)") }
        #expect(book.taken == 16)
        // In the queue of the common host, the hostile one first.
        book.ask("first", "common", "hostile")
        book.ask("second", "common", "good")
        book.end("s0")
        #expect(book.started.last == "second")
        // Those who hold too much get no more until they are below an eighth, or half is free.
        for number in 0..<6 { book.end("h\(number)") }
        #expect(!book.holding.contains("first") || book.taken <= 8)
        book.end("h6")
        #expect(book.holding.contains("first"))
    }

    @Test("the turn goes round, and within a share the first comes first")
    func order() {
        var book = QueueBook(64)
        for number in 0..<64 { book.ask("x\(number)", "x\(number)") }
        for number in 0..<3 { book.ask("a\(number)", "a") }
        for number in 0..<2 { book.ask("b\(number)", "b") }
        book.ask("c0", "c")
        for number in 0..<6 { book.end("x\(number)") }
        #expect(book.started.dropFirst(64) == ["a0", "b0", "c0", "a1", "b1", "a2"])
    }

    @Test("reserved places are never taken by others; what is reserved may take any, behind who waits")
    func reserved() {
        var book = QueueBook(16, reserved: 4)
        for number in 0..<16 { book.ask("n\(number)", "n\(number)") }
        #expect(book.taken == 12)
        for number in 0..<5 { book.ask("r\(number)", "r\(number)", isReserved: true) }
        #expect(book.taken == 16 && book.waiting == 5)
        book.end("n0")
        #expect(book.started.last == "n12")
        book.end("r0")
        #expect(book.started.last == "r4")
        for number in 1..<5 { book.end("r\(number)") }
        // No common request gets these.
        #expect(book.taken == 12 && book.waiting == 3)

        var idle = QueueBook(16, reserved: 4)
        for number in 0..<16 { idle.ask("r\(number)", "r\(number)", isReserved: true) }
        #expect(idle.taken == 16)
        idle.ask("n", "n")
        idle.ask("r16", "r16", isReserved: true)
        idle.end("r0")
        #expect(idle.started.last == "n")
        idle.end("r1")
        #expect(idle.started.last == "r16")
    }

    @Test("one share's renewals do not take all reserved places")
    func reservedShares() {
        var book = QueueBook(64, reserved: 16)
        for number in 0..<64 { book.ask("a\(number)", "a", isReserved: true) }
        #expect(book.taken == 8)
        book.ask("b", "b", isReserved: true)
        #expect(book.holding.contains("b"))
    }

    @Test("in a full room the newest of the longest queue gives way, and nobody with fewer")
    func fullRoom() {
        var book = QueueBook(1, maxWaiting: 4)
        book.ask("x", "x")
        for number in 0..<4 { book.ask("a\(number)", "a") }
        book.ask("a4", "a")
        #expect(book.refused == ["a4"])
        book.ask("b0", "b")
        #expect(book.refused == ["a4", "a3"])
        book.ask("b1", "b")
        #expect(book.refused == ["a4", "a3", "a2"])
        book.ask("b2", "b")
        #expect(book.refused == ["a4", "a3", "a2", "b2"])
        book.ask("c0", "c")
        #expect(book.refused == ["a4", "a3", "a2", "b2", "a1"])
        book.ask("c1", "c")
        #expect(book.refused.last == "c1")
        for name in ["x", "a0", "b0", "c0", "b1"] { book.end(name) }
        #expect(book.started == ["x", "a0", "b0", "c0", "b1"])
    }

    @Test("who withdraws never starts, and a holder does not withdraw")
    func withdrawal() {
        var book = QueueBook(2)
        book.ask("x", "x")
        book.ask("y", "y")
        for name in ["a", "b", "c"] { book.ask(name, name) }
        for name in ["b", "b", "x"] { book.withdraw(name) }
        #expect(book.withdrawn == ["b"])
        book.end("x")
        book.end("y")
        #expect(book.started == ["x", "y", "a", "c"])
        book.end("x")
        #expect(book.taken == 2 && book.waiting == 0)
    }

    @Test("whatever happens, nobody waits while half is free, and all start at last")
    func noLostTurn() {
        var generator = Generator(state: 42)
        for (places, reserved) in [(1, 0), (2, 0), (5, 0), (16, 0), (40, 0), (5, 1), (16, 4), (40, 10)] {
            var book = QueueBook(places, reserved: reserved, maxWaiting: 60)
            var names: [String] = []
            for number in 0..<3000 {
                switch generator.next(4) {
                case 0, 1:
                    let name = "\(number)"
                    names.append(name)
                    let keys = (generator.next(6), generator.next(4))
                    book.ask(name, "o\(keys.0)", "b\(keys.1)", isReserved: reserved > 0 && generator.next(3) == 0)
                case 2: if let name = book.holding.sorted().first { book.end(name) }
                default: if !names.isEmpty { book.withdraw(names[generator.next(names.count)]) }
                }
                #expect(book.taken == book.holding.count && book.taken <= places)
                // What is reserved may wait for its own share when less is taken.
                #expect(book.taken >= (reserved > 0 ? 1 : (places + 1) / 2) || book.waiting == 0)
            }
            while let name = book.holding.first { book.end(name) }
            #expect(book.waiting == 0)
            #expect(Set(book.started).count == book.started.count)
        }
    }

    @Test("twenty thousand waiters cost no more each than ten")
    func size() {
        // A queue that is searched for each change would take minutes.
        for shares in [1, 100, 20_000] {
            var book = QueueBook(64, maxWaiting: 20_000)
            for number in 0..<20_064 { book.ask("\(number)", "\(number % shares)", "common\(number % 7)") }
            for number in stride(from: 64, to: 20_000, by: 2) { book.withdraw("\(number)") }
            while let name = book.holding.first { book.end(name) }
            #expect(book.waiting == 0)
        }
    }
}

/// Numbers that are the same at each run.
private struct Generator {
    var state: UInt64

    mutating func next(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }
}
