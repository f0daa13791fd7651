// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// A body that stops before its last octet and goes on when the holder agrees.
///
/// The client takes the body on a task of its own, so the two meet by way of streams.
struct HeldBody: AsyncSequence, Sendable {
    struct Withheld: Error {}

    typealias Element = ByteBuffer

    let count: Int
    /// An element once all but the last octet has been taken; ends with ``close()``.
    let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation
    private let answers: AsyncStream<Bool>
    private let answer: AsyncStream<Bool>.Continuation
    private let parts: [ByteBuffer]

    init(_ bytes: [UInt8]) {
        count = bytes.count
        (arrivals, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
        (answers, answer) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
        parts = [ByteBuffer(bytes: bytes.dropLast()), ByteBuffer(bytes: bytes.suffix(1))]
    }

    func release(_ isAllowed: Bool) { answer.yield(isAllowed) }

    /// Nobody takes the body any more.
    func close() {
        arrival.finish()
        answer.finish()
    }

    func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    struct Iterator: AsyncIteratorProtocol {
        let body: HeldBody
        private var index = 0

        init(body: HeldBody) { self.body = body }

        mutating func next() async throws -> ByteBuffer? {
            guard index < body.parts.count else { return nil }
            if index == body.parts.count - 1 {
                body.arrival.yield()
                var answers = body.answers.makeAsyncIterator()
                guard await answers.next() == true else { throw Withheld() }
            }
            defer { index += 1 }
            return body.parts[index]
        }
    }
}
