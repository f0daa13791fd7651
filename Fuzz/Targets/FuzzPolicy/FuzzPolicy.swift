// SPDX-License-Identifier: Apache-2.0
import MTASTS

/// Policy bodies: an accepted one keeps its bounds, and its patterns read back as themselves.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPolicy(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let reading = try? Policy.read(UnsafeBufferPointer(start: data, count: count)) else { return 0 }
    precondition((0...Policy.maxAgeLimitSeconds).contains(reading.policy.maxAgeSeconds))
    precondition(reading.policy.mode == .none || !reading.policy.mx.isEmpty)
    for pattern in reading.policy.mx {
        precondition(pattern.description.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A })
        precondition((try? MXPattern(pattern.description)) == pattern)
    }
    for warning in reading.warnings { precondition(warning.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }) }
    return 0
}
