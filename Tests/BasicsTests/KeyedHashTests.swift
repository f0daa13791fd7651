// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@Suite("The hash of tables in memory")
struct KeyedHashTests {
    private func hash(_ text: String) -> UInt64 { text.utf8.span.withUnsafeBytes { KeyedHash.hash($0) } }

    @Test("is one for equal octets, wherever they lie")
    func equal() {
        for count in 0...300 {
            let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let shifted = [9] + octets
            let hash = octets.withUnsafeBytes { KeyedHash.hash($0) }
            #expect(shifted.withUnsafeBytes { KeyedHash.hash(UnsafeRawBufferPointer(rebasing: $0[1...])) } == hash)
        }
    }

    @Test("depends on each octet, on their order, and on the length")
    func octets() {
        var seen: Set<UInt64> = []
        var texts = 0
        for count in 0...70 {
            for place in 0..<max(1, count) {
                for octet in [UInt8(0), 1, 0x61, 0x80, 0xFF] {
                    var octets = [UInt8](repeating: 0x78, count: count)
                    if count > 0 { octets[place] = octet }
                    seen.insert(octets.withUnsafeBytes { KeyedHash.hash($0) })
                    texts += count > 0 || octet == 0 ? 1 : 0
                }
            }
        }
        #expect(seen.count == texts)
    }

    /// They would meet if eight octets at a time were the coefficients.
    @Test("tells texts apart whose words are equal modulo the prime of the field")
    func prime() {
        let words: [UInt64] = [1, 1 + ((1 << 61) - 1), 1 + 2 * ((1 << 61) - 1), 1 + 3 * ((1 << 61) - 1)]
        let hashes = words.map { word in withUnsafeBytes(of: word.littleEndian) { KeyedHash.hash($0) } }
        #expect(Set(hashes).count == words.count)
    }

    @Test("spreads names that differ little over all parts of a table, by its lower and by its upper half")
    func spread() throws {
        for shift in [0, 6, 32, 48, 58] as [UInt64] {
            var parts = [Int](repeating: 0, count: 64)
            for number in 0..<64_000 {
                parts[Int(try DomainName("customer-\(number).example.org").tableHash >> shift & 63)] += 1
            }
            // Of 1000 on average; by chance one in 10^9 is that far off.
            #expect(parts.allSatisfy { (800...1200).contains($0) }, "\(shift): \(parts)")
        }
    }

    @Test("of two hashes depends on both")
    func both() {
        let first = hash("one.example")
        let second = hash("two.example")
        let all = [
            KeyedHash.hash(first, 25), KeyedHash.hash(first, 26), KeyedHash.hash(second, 25),
            KeyedHash.hash(first, second), KeyedHash.hash(second, first), first, second,
        ]
        #expect(Set(all).count == all.count)
    }

    @Test("of a name does not depend on how it was written, and equal names are found by it")
    func names() throws {
        #expect(try DomainName("Mail.Example.ORG.").tableHash == DomainName("mail.example.org").tableHash)
        var numbers: [DomainName: Int] = [:]
        for number in 0..<2000 { numbers[try DomainName("d\(number).a-rather-long-name.example")] = number }
        for number in 0..<2000 { #expect(numbers[try DomainName("D\(number).a-rather-long-name.example.")] == number) }
    }
}
