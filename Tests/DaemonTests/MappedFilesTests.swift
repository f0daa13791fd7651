// SPDX-License-Identifier: Apache-2.0
import Glibc
import TestKit
import Testing
@testable import Daemon

@Suite("Of files that are mapped only what nobody has written is let go")
struct MappedFilesTests {
    private static func mapping(
        _ range: String, _ rights: String, _ inode: String, _ name: String, anonymous: Int = 0, swap: Int = 0,
        flags: String = "rd mr mw me"
    ) -> String {
        """
        \(range) \(rights) 00001000 08:01 \(inode)    \(name)
        Size:                  4 kB
        Rss:                   4 kB
        Anonymous:             \(anonymous) kB
        Swap:                  \(swap) kB
        VmFlags: \(flags)

        """
    }

    @Test("by what the kernel says of each mapping")
    func unwritten() {
        let library = "/usr/lib/x86_64-linux-gnu/libc.so.6"
        let smaps = [
            Self.mapping("1000-2000", "r-xp", "77", library),
            Self.mapping("2000-4000", "r--p", "77", library),
            // Written, or to be written.
            Self.mapping("4000-5000", "rw-p", "77", library),
            Self.mapping("5000-6000", "r--p", "77", library, anonymous: 4),
            Self.mapping("6000-7000", "r--p", "77", library, swap: 4),
            Self.mapping("7000-8000", "r--p", "77", library, flags: "rd mr mw me ac"),
            // Locked, shared, no file.
            Self.mapping("8000-9000", "r-xp", "77", library, flags: "rd ex mr mw me lo"),
            Self.mapping("9000-a000", "r--s", "77", library),
            Self.mapping("a000-b000", "r-xp", "0", "[vdso]"),
            Self.mapping("b000-c000", "r--p", "0", ""),
            Self.mapping("c000-d000", "---p", "77", library),
            Self.mapping("7f0000000000-7f0000001000", "r-xp", "78", "/a name with blanks (deleted)"),
        ].joined()
        #expect(
            MappedFiles.unwritten(in: smaps) == [0x1000..<0x2000, 0x2000..<0x4000, 0x7F00_0000_0000..<0x7F00_0000_1000])
        #expect(MappedFiles.unwritten(in: "") == [])
        #expect(MappedFiles.unwritten(in: "x\n\nVmFlags:\nAnonymous:\n") == [])
    }

    @Test("what was written and then locked is still there, what was not is read again")
    func letGo() throws {
        let directory = try TemporaryDirectory()
        let size = 1 << 20
        let path = try directory.write("file", String(repeating: "a", count: size))
        let file = open(path, O_RDONLY)
        defer { close(file) }
        func map(_ rights: Int32) throws -> UnsafeMutablePointer<UInt8> {
            let start = try #require(mmap(nil, size, rights, MAP_PRIVATE, file, 0))
            try #require(start != MAP_FAILED)
            return start.assumingMemoryBound(to: UInt8.self)
        }
        func isPresent(_ start: UnsafeMutablePointer<UInt8>) throws -> Bool {
            let address = String(UInt(bitPattern: start), radix: 16)
            let lines = MappedFiles.readSelf().split(separator: "\n")
            let place = try #require(lines.firstIndex { $0.hasPrefix(address + "-") })
            let resident = try #require(lines[place...].first { $0.hasPrefix("Rss:") })
            return !resident.contains(" 0 kB")
        }
        let untouched = try map(PROT_READ)
        let written = try map(PROT_READ | PROT_WRITE)
        defer {
            munmap(untouched, size)
            munmap(written, size)
        }
        for offset in stride(from: 0, to: size, by: 4096) {
            #expect(untouched[offset] == UInt8(ascii: "a"))
            written[offset] = UInt8(ascii: "b")
        }
        try #require(mprotect(written, size, PROT_READ) == 0)
        try #require(try isPresent(untouched))
        MappedFiles.letGo()
        #expect(try !isPresent(untouched))
        for offset in stride(from: 0, to: size, by: 4096) {
            #expect(untouched[offset] == UInt8(ascii: "a"))
            #expect(written[offset] == UInt8(ascii: "b"))
        }
    }
}
