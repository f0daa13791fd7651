// SPDX-License-Identifier: Apache-2.0
import CMemory
import Glibc

/// The pages of the program and its libraries that this process has mapped.
///
/// Each page that was ever touched counts as ours, and with it those around it, although most were needed at the start
/// alone.
enum MappedFiles {
    /// When all that a start needs has been done, and what runs once after it.
    private static let settling = Duration.seconds(3)

    static func letGoOnceSettled() async {
        do { try await Task.sleep(for: settling) } catch { return }
        letGo()
    }

    /// Lets go of the pages that nobody can have written. What is needed again comes back from the kernel's cache, a
    /// microsecond each.
    static func letGo() {
        // The linker loads and unloads nothing while it calls this, and it lists a library only once all of it is in
        // place: so each page is what its segment says. - dl_iterate_phdr(3)
        _ = dl_iterate_phdr(
            { object, _, _ in
                guard let object = object?.pointee, let first = object.dlpi_phdr else { return 0 }
                let segments = UnsafeBufferPointer(start: first, count: Int(object.dlpi_phnum))
                for pages in MappedFiles.unwritten(segments, at: UInt(object.dlpi_addr)) {
                    guard let start = UnsafeMutableRawPointer(bitPattern: pages.lowerBound) else { continue }
                    madvise(start, pages.count, MADV_DONTNEED)
                }
                return 0
            }, nil)
    }

    /// The whole pages of the segments that stand in memory as in the file: what was written would be lost. - elf(5)
    static func unwritten(_ segments: UnsafeBufferPointer<Elf64_Phdr>, at base: UInt) -> [Range<UInt>] {
        if segments.contains(where: { $0.p_type == PT_DYNAMIC && relocatesCode($0, at: base) }) { return [] }
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        return segments.compactMap { segment in
            guard segment.p_type == PT_LOAD, segment.p_flags & Elf64_Word(PF_W) == 0 else { return nil }
            let first = base &+ UInt(segment.p_vaddr)
            let start = (first &+ page &- 1) & ~(page &- 1)
            let end = (first &+ UInt(segment.p_filesz)) & ~(page &- 1)
            return start < end ? start..<end : nil
        }
    }

    /// Whether the linker writes to segments that are not writable, for a moment, as it loads them.
    private static func relocatesCode(_ dynamic: Elf64_Phdr, at base: UInt) -> Bool {
        guard var entry = UnsafePointer<Elf64_Dyn>(bitPattern: base &+ UInt(dynamic.p_vaddr)) else { return false }
        while entry.pointee.d_tag != DT_NULL {
            let flags = entry.pointee.d_un.d_val
            if entry.pointee.d_tag == DT_TEXTREL { return true }
            if entry.pointee.d_tag == DT_FLAGS, flags & UInt64(DF_TEXTREL) != 0 { return true }
            entry += 1
        }
        return false
    }
}
