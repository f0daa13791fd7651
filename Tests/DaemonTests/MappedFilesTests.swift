// SPDX-License-Identifier: Apache-2.0
import CMemory
import Glibc
import TestKit
import Testing
@testable import Daemon

@Suite("Of files that are mapped only what nobody has written is let go")
struct MappedFilesTests {
    private static func segment(_ type: Int32, _ flags: Int32, at start: UInt64, size: UInt64) -> Elf64_Phdr {
        var segment = Elf64_Phdr()
        segment.p_type = Elf64_Word(type)
        segment.p_flags = Elf64_Word(flags)
        segment.p_vaddr = start
        segment.p_filesz = size
        segment.p_memsz = size
        return segment
    }

    private static func dynamic(_ entries: [(tag: Int32, value: UInt64)], _ body: (UInt64) -> Void) {
        let octets = entries.map { tag, value in
            var entry = Elf64_Dyn()
            entry.d_tag = Int64(tag)
            entry.d_un.d_val = value
            return entry
        }
        octets.withUnsafeBufferPointer { body(UInt64(UInt(bitPattern: $0.baseAddress))) }
    }

    @Test("the whole pages of segments without a right to write")
    func unwritten() {
        let segments = [
            Self.segment(PT_LOAD, PF_R, at: 0, size: 0x2345),
            Self.segment(PT_LOAD, PF_R | PF_X, at: 0x3345, size: 0x2CBB),
            Self.segment(PT_LOAD, PF_R | PF_W, at: 0x6000, size: 0x2000),
            Self.segment(PT_GNU_RELRO, PF_R, at: 0x6000, size: 0x1000),
            // Less than a page; none at all.
            Self.segment(PT_LOAD, PF_R, at: 0x9100, size: 0xE00),
            Self.segment(PT_LOAD, PF_R, at: 0xA000, size: 0),
        ]
        segments.withUnsafeBufferPointer {
            #expect(
                MappedFiles.unwritten($0, at: 0x7F00_0000_0000) == [
                    0x7F00_0000_0000..<0x7F00_0000_2000, 0x7F00_0000_4000..<0x7F00_0000_6000,
                ])
        }
    }

    @Test(
        "none of what the linker has written",
        arguments: [
            (DT_TEXTREL, 0 as UInt64, true), (DT_FLAGS, UInt64(DF_TEXTREL) | 8, true), (DT_FLAGS, 8, false),
            (DT_SONAME, UInt64(DF_TEXTREL), false),
        ])
    func relocated(tag: Int32, value: UInt64, isWritten: Bool) {
        Self.dynamic([(DT_STRTAB, 1), (tag, value), (DT_NULL, 0)]) { address in
            let segments = [
                Self.segment(PT_LOAD, PF_R | PF_X, at: 0x1000, size: 0x1000),
                Self.segment(PT_DYNAMIC, PF_R | PF_W, at: address, size: 48),
            ]
            segments.withUnsafeBufferPointer {
                #expect(MappedFiles.unwritten($0, at: 0) == (isWritten ? [] : [0x1000..<0x2000]))
            }
        }
    }

    /// In kilobytes.
    private static func residentCode() throws -> Int {
        // The mapping that this function is in.
        let marker: @convention(c) () -> Void = { _ = getpid() }
        let address = unsafeBitCast(marker, to: UInt.self)
        var isInside = false
        for line in readFile("/proc/self/smaps").split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2 { isInside = ends[0] <= address && address < ends[1] }
            if isInside, words[0] == "Rss:" { return try #require(Int(words[1])) }
        }
        Issue.record("no mapping holds \(address)")
        return 0
    }

    @Test("the program's own code, and it goes on")
    func letGo() throws {
        let before = try Self.residentCode()
        MappedFiles.letGo()
        #expect(try Self.residentCode() < before / 2)
    }
}
