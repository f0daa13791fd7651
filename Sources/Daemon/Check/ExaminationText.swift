// SPDX-License-Identifier: Apache-2.0
import Core
import MTASTS

/// An examination as lines for a terminal.
package struct ExaminationText {
    private enum Colour: String {
        case good = "32", bad = "31", doubtful = "33", heading = "1"
    }

    private let isColoured: Bool

    package init(coloured: Bool) { isColoured = coloured }

    package func render(_ examination: Examination) -> String {
        var lines = [paint(examination.domain, .heading)]
        lines.append(line("TXT _mta-sts", record(examination.record)))
        lines += policy(examination)
        if let problem = examination.routeProblem { lines.append(line("MX", paint(problem, .doubtful))) }
        for host in examination.hosts { lines += describe(host, hasPolicy: examination.policy != nil) }
        lines += examination.invalidTargets.map { line("MX", paint("\($0): names no host", .bad)) }
        lines.append(
            line(
                "TXT _smtp._tls", record(examination.tlsrpt) + examination.tlsrptDestinations.map { " " + $0 }.joined())
        )
        lines += examination.tlsrptUnserved.map { line("", paint("not served: \($0)", .doubtful)) }
        let verdict = paint(examination.verdict.rawValue, colour(examination.conclusion))
        lines.append(line("verdict", "\(verdict): \(examination.explanation)"))
        return lines.joined(separator: "\n") + "\n"
    }

    private func policy(_ examination: Examination) -> [String] {
        if let problem = examination.policyProblem {
            return [line("policy", paint("\(problem.type): \(problem.text)", .doubtful))]
        }
        guard let policy = examination.policy else {
            return [line("policy", examination.record.status == .unavailable ? "not known" : "none")]
        }
        let life = policy.expires.map { "cached, expires \($0)" } ?? "max_age \(policy.maxAgeSeconds) s"
        return [line("policy", "mode \(policy.mode.rawValue), \(life), mx \(policy.mx.joined(separator: " "))")]
            + (examination.policyHostCertificateEnds.map { [line("", "certificate of its host valid to \($0)")] } ?? [])
            + policy.warnings.map { line("", paint("warning: \($0)", .doubtful)) }
    }

    private func describe(_ host: Examination.Host, hasPolicy: Bool) -> [String] {
        let word = paint(host.status.rawValue, colour(host.status))
        var title = "\(host.preference) \(host.name)" + (host.port == 25 ? "" : ":\(host.port)")
        if let address = host.address { title += " [\(address)]" }
        var lines = [line("MX", "\(title): \(word)" + (host.authentication.map { " by \($0)" } ?? ""))]
        if hasPolicy && host.authentication != "dane" {
            lines.append(
                line("", host.pattern.map { "pattern \($0)" } ?? paint("in no mx pattern of the policy", .bad)))
        }
        if let tls = host.tls { lines.append(line("", tls)) }
        if let certificate = host.certificate {
            lines.append(line("", "certificate \(certificate.subject), issued by \(certificate.issuer)"))
            let (start, end) = (certificate.notBefore?.description ?? "?", certificate.notAfter?.description ?? "?")
            lines.append(
                line("", "  valid \(start) to \(end), names \(certificate.names.joined(separator: " "))"))
        }
        return lines
            + host.problems.map { line("", paint("\($0.type): \($0.text)", colour(host.status))) }
    }

    private func record(_ record: Examination.Record) -> String {
        switch record.status {
        case .found:
            record.problem.map { paint("found, \($0)", .doubtful) }
                ?? paint("found", .good) + (record.id.map { ", id \($0)" } ?? "")
        case .absent: "absent"
        case .invalid, .unavailable: paint("\(record.status.rawValue): \(record.problem ?? "")", .doubtful)
        }
    }

    private func colour(_ status: HostStatus) -> Colour {
        switch status {
        case .conforming: .good
        case .failing: .bad
        case .unreachable, .turnedAway, .unresolved, .notTried, .notProbed: .doubtful
        }
    }

    private func colour(_ conclusion: Examination.Conclusion) -> Colour {
        switch conclusion {
        case .conforming: .good
        case .violating: .bad
        case .undecided: .doubtful
        }
    }

    private func line(_ name: String, _ text: String) -> String {
        "  " + name + String(repeating: " ", count: max(1, 16 - name.count)) + text
    }

    private func paint(_ text: String, _ colour: Colour) -> String {
        isColoured ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }
}
