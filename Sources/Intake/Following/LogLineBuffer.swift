// SPDX-License-Identifier: Apache-2.0

/// Cuts what is read of a log into runs of whole lines, in bounded memory.
///
/// What is given depends on the octets alone, not on how they were cut into reads: each line of at most
/// ``maxLineOctets`` once and whole, and nothing of a longer one.
struct LogLineBuffer {
    /// Longest line that is given, with its line feed. Syslog daemons cut at 8 KiB (rsyslog) or less.
    static let maxLineOctets = 65_536

    private var octets = [UInt8](repeating: 0, count: maxLineOctets)
    /// Octets held of a line that has no end yet.
    private var count = 0
    /// Whether the end of a line that was too long is still to come.
    private(set) var isInsideLongLine: Bool

    /// - Parameter isInsideLongLine: whether what comes first is the rest of a line that is not to be read.
    init(isInsideLongLine: Bool = false) { self.isInsideLongLine = isInsideLongLine }

    /// Octets held that were not given yet.
    var heldOctets: Int { count }

    /// Takes in what `read` puts into the room offered.
    /// - Returns: what `read` returned: octets put there, 0 at an end, negative for a failure.
    mutating func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        let held = count
        let added = octets.withUnsafeMutableBytes { read(UnsafeMutableRawBufferPointer(rebasing: $0[held...])) }
        count += max(0, added)
        return added
    }

    /// Gives the whole lines that are held.
    /// - Returns: octets that are done with, given or passed over.
    mutating func takeLines(_ give: (UnsafeRawBufferPointer) -> Void) -> Int {
        var start = 0
        if isInsideLongLine {
            guard let end = octets[..<count].firstIndex(of: lineFeed) else { return forget(count) }
            isInsideLongLine = false
            start = end + 1
        }
        if let end = octets[start..<count].lastIndex(of: lineFeed) {
            octets.withUnsafeBytes { give(UnsafeRawBufferPointer(rebasing: $0[start...end])) }
            start = end + 1
        } else if start == 0, count == octets.count {
            isInsideLongLine = true
            start = count
        }
        return forget(start)
    }

    /// Gives the last line of a file that nobody writes to any more, with the line feed that it lacks.
    /// - Returns: octets that are done with.
    mutating func takeRest(_ give: (UnsafeRawBufferPointer) -> Void) -> Int {
        let held = count
        // There is room: a full buffer without an end is a line too long.
        if held > 0, !isInsideLongLine {
            octets[held] = lineFeed
            octets.withUnsafeBytes { give(UnsafeRawBufferPointer(rebasing: $0[...held])) }
        }
        isInsideLongLine = false
        return forget(held)
    }

    private mutating func forget(_ done: Int) -> Int {
        octets.withUnsafeMutableBytes { octets in
            guard done < count, let base = octets.baseAddress else { return }
            base.copyMemory(from: base + done, byteCount: count - done)
        }
        count -= done
        return done
    }
}

private let lineFeed = UInt8(ascii: "\n")
