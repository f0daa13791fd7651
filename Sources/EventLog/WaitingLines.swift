// SPDX-License-Identifier: Apache-2.0

/// Who must have a line.
package enum LogRank: Int, Sendable, Comparable {
    case ordinary
    /// Somebody may wait for the line, or the process end before others come.
    case urgent
    /// A warning or an error.
    case grave

    package static func < (one: LogRank, other: LogRank) -> Bool { one.rawValue < other.rawValue }
}

/// Lines that have not left yet, in their order, in bounded memory.
///
/// Ordinary lines leave room for grave ones. Should grave lines need more than that, the ordinary ones that wait make
/// way: a grave line is dropped only when grave lines alone fill all memory.
struct WaitingLines {
    /// Memory in all, those aside that are on their way.
    static let limitBytes = 4 << 20
    /// What lines that are not grave may fill of it.
    static let ordinaryLimitBytes = 3 << 20
    /// Octets that leave by one system call.
    static let pieceBytes = 64 << 10
    /// What a run takes beside its octets.
    private static let runBytes = MemoryLayout<Run>.stride
    /// Pieces kept to be filled again.
    private static let maxSpare = 4

    enum Outlet: Sendable, Hashable {
        /// The descriptor; a line ends with LF.
        case stream
        /// syslog(3); a line ends with NUL.
        case syslog(priority: Int32)

        fileprivate var terminator: UInt8 {
            switch self {
            case .stream: UInt8(ascii: "\n")
            case .syslog: 0
            }
        }
    }

    /// Lines that follow one another, with the same outlet, and grave all or none.
    struct Run {
        let outlet: Outlet
        let isGrave: Bool
        var octets = 0
        var lines = 0
    }

    /// What leaves together.
    struct Piece {
        fileprivate(set) var octets: [UInt8] = []
        fileprivate(set) var runs: [Run] = []

        /// What goes to one outlet by one call.
        var parts: [(outlet: Outlet, octets: Int)] {
            runs.reduce(into: []) { parts, run in
                if parts.last?.outlet == run.outlet {
                    parts[parts.count - 1].octets += run.octets
                } else {
                    parts.append((run.outlet, run.octets))
                }
            }
        }

        fileprivate var bytes: Int { octets.count + runs.count * WaitingLines.runBytes }
    }

    /// Lines that were dropped and not told of yet.
    struct Dropped {
        var lines = 0
        var grave = 0
    }

    private(set) var pieces: [Piece] = []
    private(set) var bytes = 0
    private(set) var dropped = Dropped()
    private var spare: [Piece] = []

    /// Takes a line, or drops it and counts it.
    mutating func append(
        _ text: UnsafeBufferPointer<UInt8>, prefix: StaticString, to outlet: Outlet, _ rank: LogRank
    ) {
        let octets = prefix.utf8CodeUnitCount + text.count + 1
        let size = octets + Self.runBytes
        if rank == .grave && bytes + size > Self.limitBytes { dropOrdinary() }
        guard bytes + size <= (rank == .grave ? Self.limitBytes : Self.ordinaryLimitBytes) else {
            dropped.lines += 1
            if rank == .grave { dropped.grave += 1 }
            return
        }
        extend(Run(outlet: outlet, isGrave: rank == .grave, octets: octets, lines: 1)) { piece in
            piece.append(
                contentsOf: UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
            piece.append(contentsOf: text)
            piece.append(outlet.terminator)
        }
    }

    /// Takes the lines that leave next.
    mutating func next() -> Piece? {
        guard !pieces.isEmpty else { return nil }
        let piece = pieces.removeFirst()
        bytes -= piece.bytes
        return piece
    }

    /// Takes back a piece that has left, to be filled again.
    mutating func reuse(_ piece: consuming Piece) {
        // One line that was long beyond measure must not be remembered by its room.
        guard spare.count < Self.maxSpare, piece.octets.capacity <= 2 * Self.pieceBytes else { return }
        piece.octets.removeAll(keepingCapacity: true)
        piece.runs.removeAll(keepingCapacity: true)
        spare.append(piece)
    }

    mutating func takeDropped() -> Dropped {
        defer { dropped = Dropped() }
        return dropped
    }

    /// Puts one or more lines to the last piece, or to a new one.
    private mutating func extend(_ run: Run, _ write: (inout [UInt8]) -> Void) {
        if pieces.last.map({ $0.octets.count + run.octets > Self.pieceBytes }) ?? true {
            var piece = spare.popLast() ?? Piece()
            piece.octets.reserveCapacity(Self.pieceBytes)
            pieces.append(piece)
        }
        let last = pieces.count - 1
        write(&pieces[last].octets)
        bytes += run.octets
        if let end = pieces[last].runs.indices.last, pieces[last].runs[end].outlet == run.outlet,
            pieces[last].runs[end].isGrave == run.isGrave
        {
            pieces[last].runs[end].octets += run.octets
            pieces[last].runs[end].lines += run.lines
        } else {
            pieces[last].runs.append(run)
            bytes += Self.runBytes
        }
    }

    /// Drops all lines that are not grave. Copies the others, which is rare: there must be 1 MiB of new lines between.
    private mutating func dropOrdinary() {
        let old = pieces
        (pieces, bytes) = ([], 0)
        for piece in old {
            var start = 0
            for run in piece.runs {
                let end = start + run.octets
                if run.isGrave {
                    extend(run) { $0.append(contentsOf: piece.octets[start..<end]) }
                } else {
                    dropped.lines += run.lines
                }
                start = end
            }
        }
    }
}
