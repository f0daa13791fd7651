// SPDX-License-Identifier: Apache-2.0
import MTASTS
import Preload

/// Lists of policies: an accepted one keeps its bounds, says the same when it is written again, and a refusal can be
/// printed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPreloadList(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let list: PreloadList
    do throws(PreloadListError) { list = try PreloadList(Array(UnsafeBufferPointer(start: data, count: count))) } catch
    {
        precondition(isPrintable("\(error)"))
        return 0
    }
    precondition(list.warnings.allSatisfy(isPrintable))
    precondition(list.timestamp < list.expires)
    for (domain, policy) in list.policies {
        precondition(domain.labelCount > 1 && policy.mode != .none && !policy.mx.isEmpty)
        // What a report shows of it is a policy that says the same.
        precondition((try? Policy.read(policy.text.utf8))?.policy.mx == policy.mx)
    }
    let again = try? PreloadList(Array(list.json.utf8))
    precondition(again?.policies == list.policies && again?.author == list.author)
    precondition(again?.timestamp == list.timestamp && again?.expires == list.expires)
    return 0
}

private func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }
