// SPDX-License-Identifier: Apache-2.0
import TLSRPT

/// The number with a comma at each thousand: `5,326`.
package func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
        if index > 0, index.isMultiple(of: 3), digit != "-" { text.append(",") }
        text.append(digit)
    }
    return String(text.reversed())
}

/// The number with its noun.
package func counted(_ number: Int, _ singular: String, _ plural: String? = nil) -> String {
    "\(grouped(number)) \(number == 1 ? singular : plural ?? singular + "s")"
}

/// The part in per cent, with one decimal; never 0 or 100 for a part that is neither none nor all.
package func share(_ part: Int, of whole: Int) -> String {
    guard part > 0, whole > 0 else { return "0 %" }
    guard part < whole else { return "100 %" }
    let tenths = (Double(part) / Double(whole) * 1000).rounded()
    if tenths < 1 { return "<0.1 %" }
    return tenths > 999 ? ">99.9 %" : "\(tenths / 10) %"
}

/// What came of the sessions, in words: `303 of 5,629 sessions failed (5.4 %)`.
package func outcome(successes: Int, failures: Int) -> String {
    let sessions = saturatingSum(successes, failures)
    if sessions == 0 { return "no sessions" }
    if failures == 0 { return "\(counted(sessions, "session")), none failed" }
    return "\(grouped(failures)) of \(counted(sessions, "session")) failed (\(share(failures, of: sessions)))"
}
