// SPDX-License-Identifier: Apache-2.0
import HTML
import Status

/// The first page: is all well, and whose mail is held.
struct HomePage {
    let report: StatusReport

    var answer: Answer {
        Frame(place: .home, title: "Status").page(
            """
            <p class="soft">as of <time datetime="\(report.at.description)">\(report.at.description)</time>, \
            version \(report.version)</p>
            \(dryRun)<ul class="lights">\(report.lights.map(light))</ul>
            \(held)\(lists)<h2>Policies</h2>
            \(policies)<h2>The MTA</h2>
            \(mta)
            """)
    }

    private var dryRun: Markup { report.dryRun.map { "<p class=\"calm\">\($0)</p>\n" } ?? "" }

    private func light(_ light: Light) -> Markup {
        let (state, kind, word): (Markup, Markup, String) =
            switch light.state {
            case .good: ("good", "✓", "well")
            case .warning: ("look", "!", "look")
            case .bad: ("wrong", "✕", "wrong")
            }
        return """
            <li class="light \(state)"><span class="mark" aria-hidden="true">\(kind)</span>\
            <span><b>\(light.name)</b> <span class="word">\(word)</span><br/>\(light.text)</span></li>

            """
    }

    private var held: Markup {
        guard !report.held.isEmpty else {
            return "<h2 id=\"held\">Mail held now</h2>\n<p class=\"calm\">No mail is held.</p>\n"
        }
        let more: Markup =
            report.heldMore > 0 ? "<p>\(grouped(report.heldMore)) more: sts-milter status --json</p>\n" : ""
        return """
            <h2 id="held">Mail held now</h2>
            <div class="cards">\(report.held.map(card))</div>
            \(more)
            """
    }

    private func card(_ held: HeldDomain) -> Markup {
        let type: Markup = held.resultType.map { "<code>\($0)</code> " } ?? ""
        let host: Markup = held.host.map { "<p class=\"host\">\($0)</p>\n" } ?? ""
        return """
            <article class="held"><h3>\(link(held.domain))</h3>
            \(host)<p class="failed">\(type)\(held.reason)</p>
            <p><b>What to do:</b> \(held.whatToDo)</p>
            \(facts([
                ("since", moment(held.since, held.since.age(at: report.at))),
                ("last try", moment(held.lastTry, held.lastTry.age(at: report.at))),
                ("messages", "\(grouped(held.messages))"), ("deliveries", "\(grouped(held.deliveries))"),
            ]))</article>

            """
    }

    private var lists: Markup {
        troubles("Policies that ran out: mail is unprotected", report.policies.lost, "found at")
            + troubles("Policies near their end that cannot be fetched", report.policies.nearExpiry, "ends")
    }

    private func troubles(_ title: String, _ list: [PolicyTrouble], _ end: String) -> Markup {
        guard !list.isEmpty else { return "" }
        let rows: [Markup] = list.map {
            """
            <tr><th scope="row">\(link($0.domain))</th><td>\(moment($0.end, $0.end.description))</td>\
            <td>\($0.cause ?? "every fetch failed")</td></tr>

            """
        }
        return "<h2>\(title)</h2>\n\(table(title, [head("Domain"), head(end), head("Cause")], rows))"
    }

    private var policies: Markup {
        let policies = report.policies
        var pairs: [(String, Markup)] = [
            ("enforce", "\(grouped(policies.enforce))"), ("testing", "\(grouped(policies.testing))"),
            ("none", "\(grouped(policies.none))"), ("ended", "\(grouped(policies.ended))"),
        ]
        if let oldest = policies.oldestFetch {
            pairs.append(("longest not fetched", moment(oldest, oldest.age(at: report.at))))
        }
        if policies.unsaved > 0 { pairs.append(("not written yet", "\(grouped(policies.unsaved))")) }
        // What a light says is not said again.
        let said = Set(report.lights.map(\.text))
        let notes: [Markup] = report.notes.filter { !said.contains($0) }.map { "<p>\($0)</p>\n" }
        return facts(pairs) + Markup(notes)
    }

    private var mta: Markup {
        var pairs: [(String, Markup)] = [
            ("enforcement", "\(report.enforcement)"), ("milter", listener(report.milter)),
            ("policy map", report.policyMap.map(listener) ?? "not served"),
        ]
        for source in report.intake {
            let heard = source.lastHeard.map { "heard \($0.age(at: report.at))" } ?? "not heard yet"
            let problem: Markup = source.problem.map { "<br/><span class=\"failed\">\($0)</span>" } ?? ""
            pairs.append(
                (source.kind.rawValue, "\(source.place): \(grouped(source.sessions)) sessions, \(heard)\(problem)"))
        }
        return facts(pairs)
    }

    private func listener(_ listener: Listener) -> Markup {
        let heard = listener.lastHeard.map { "asked \($0.age(at: report.at))" } ?? "not asked yet"
        return "\(listener.socket): \(grouped(listener.connections)) connections, \(heard)"
    }
}
