// SPDX-License-Identifier: Apache-2.0
import TLSRPT

/// A bar of which the right part is what failed.
package func shareBar(successes: Int, failures: Int) -> Markup {
    let sessions = saturatingSum(successes, failures)
    let failed = tenths(failures, of: sessions)
    return """
        <svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" \
        aria-label="\(share(failures, of: sessions)) failed">\
        <rect class="good" width="\(sessions == 0 ? 0 : 1000 - failed)" height="10"/>\
        <rect class="bad" x="\(1000 - failed)" width="\(failed)" height="10"/></svg>
        """
}

/// A bar as long as the part is of the largest.
package func lengthBar(_ part: Int, of largest: Int) -> Markup {
    """
    <svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">\
    <rect class="bad" width="\(tenths(part, of: largest))" height="10"/></svg>
    """
}

/// Tenths of a per cent; a part that is neither none nor all can be seen.
private func tenths(_ part: Int, of whole: Int) -> Int {
    guard part > 0, whole > 0 else { return 0 }
    guard part < whole else { return 1000 }
    return min(max(Int(Double(part) / Double(whole) * 1000), 5), 995)
}
