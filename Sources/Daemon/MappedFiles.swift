// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The pages of files that this process has mapped: the program and its libraries.
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

    /// Lets go of the pages. What is needed again comes back from the kernel's cache, a microsecond each.
    static func letGo() {
        for pages in unwritten(in: readSelf()) {
            guard let start = UnsafeMutableRawPointer(bitPattern: pages.lowerBound) else { continue }
            madvise(start, Int(pages.count), MADV_DONTNEED)
        }
    }

    /// The mappings of files that nobody has written to and nobody can: what was written would be lost. What the linker
    /// has filled in and then locked, as it does at each start, was writable once. - proc_pid_smaps(5)
    static func unwritten(in smaps: String) -> [Range<UInt>] {
        var found: [Range<UInt>] = []
        var candidate: Range<UInt>?
        for line in smaps.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard let first = words.first else { continue }
            if !first.hasSuffix(":") {
                candidate = words.count > 5 ? mapping(words) : nil
            } else if first == "Anonymous:" || first == "Swap:" {
                if words.count < 2 || words[1] != "0" { candidate = nil }
            } else if first == "VmFlags:" {
                // The last line of a mapping. `ac`: it is accounted for, since it was writable; `lo`: it is locked.
                if let pages = candidate, !words.contains("ac"), !words.contains("lo") { found.append(pages) }
                candidate = nil
            }
        }
        return found
    }

    /// Of a line such as `7f01c000-7f01d000 r-xp 00001000 08:01 1234   /usr/lib/libc.so.6`.
    private static func mapping(_ words: [Substring]) -> Range<UInt>? {
        guard words[1].hasPrefix("r"), words[1].hasSuffix("p"), !words[1].contains("w" as Character), words[4] != "0",
            words[5].hasPrefix("/")
        else { return nil }
        let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }

    static func readSelf() -> String {
        let file = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            octets += piece[..<count]
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
