// SPDX-License-Identifier: Apache-2.0
import Basics
import PostgreSQL
import Reporting

extension FleetOutbox {
    /// A delivery that this machine has marked, as a parameter.
    private struct Offer: Encodable {
        let day: Int64
        let domain, destination, host, source, site, owner, state, text: String
        let round, attempts: Int64
        /// Of a deferral: when to try again, in seconds from now.
        let inSeconds: Int64

        enum CodingKeys: String, CodingKey {
            case day, domain, destination, host, source, site, owner, state, text, round, attempts
            case inSeconds = "in_seconds"
        }

        init(_ sending: KeptSending, at time: UTCTime) {
            (day, domain) = (sending.day.daysSinceEpoch, sending.domain.ascii)
            destination = sending.destination.description
            let place = DeliveryPlace(from: sending.domain, to: sending.destination)
            (host, source, site) = (place.host, place.source, place.site)
            (owner, round) = (sending.owner, sending.round)
            switch sending.outcome {
            case .underWay:
                (state, text, inSeconds) = (Delivery.State.sending.rawValue, "sent before the database went back", 0)
                attempts = Int64(sending.attempts)
            case .withdrawn:
                // As it was before.
                state = (sending.attempts == 0 ? Delivery.State.waiting : .deferred).rawValue
                (text, inSeconds, attempts) = ("", 0, Int64(sending.attempts))
            case .concluded(let conclusion):
                (state, text) = (conclusion.state.rawValue, conclusion.text)
                inSeconds = max(0, (conclusion.nextTry - time).components.seconds)
                attempts = Int64(sending.attempts + 1)
            }
        }
    }

    private static let offer = """
        jsonb_to_recordset($1::jsonb) AS offer (
            day int, domain text, destination text, host text, source text, site text, owner text, state text, text text,
            round bigint, attempts int, in_seconds bigint)
        """

    /// Says what this machine has sent in the last days, where the database does not know it: because it has gone back, or
    /// because it could not be reached when there was something to say.
    func offer(at time: UTCTime) async throws {
        try await memory.forgetSendings(before: time - limits.memory)
        var last: KeptSending?
        while true {
            let piece = try await memory.sendings(after: last)
            guard let end = piece.last else { return }
            try await offer(piece, at: time)
            last = end
            try Task.checkCancellation()
        }
    }

    private func offer(_ piece: [KeptSending], at time: UTCTime) async throws {
        // In the order of their keys, so that two machines do not wait for each other.
        let sent = piece.filter(\.isSent).map { Offer($0, at: time) }
        let others = piece.filter { !$0.isSent }
        let rest = others.map { Offer($0, at: time) }
        try await database.transaction { session throws(PostgresError) in
            // Nobody sends what is waiting as far as the database knows. Marks that it has are left to it: whoever made one
            // may be at work; but what came of it is known to its owner alone.
            try session.run(
                """
                INSERT INTO sts.delivery AS d (
                    day, domain, destination, host, state, attempts, next_try, claimed_by, text, source, site, round)
                SELECT day, domain, destination, host, CASE state WHEN 'sending' THEN 'uncertain' ELSE state END,
                    CASE state WHEN 'sending' THEN attempts + 1 ELSE attempts END, now(), owner, text, source, site, round
                FROM \(Self.offer)
                ON CONFLICT (day, domain, destination) DO UPDATE SET
                    state = excluded.state, attempts = excluded.attempts, claimed_by = excluded.claimed_by,
                    claimed_until = '-infinity', text = excluded.text
                WHERE d.round <= excluded.round AND (
                    (d.state IN ('waiting', 'deferred') AND d.attempts < excluded.attempts)
                    OR (d.state IN ('sending', 'uncertain') AND d.claimed_by = excluded.claimed_by
                        AND excluded.state <> 'uncertain'))
                """, [.rows(sent)])
            guard !rest.isEmpty else { return }
            try session.run(
                """
                UPDATE sts.delivery d SET state = offer.state, attempts = offer.attempts, text = offer.text,
                    next_try = now() + make_interval(secs => offer.in_seconds), claimed_until = '-infinity'
                FROM \(Self.offer)
                WHERE d.day = offer.day AND d.domain = offer.domain AND d.destination = offer.destination
                AND d.round = offer.round AND d.claimed_by = offer.owner AND d.state IN ('sending', 'uncertain')
                """, [.rows(rest)])
        }
        for sending in others { try await memory.forget(sending) }
    }
}

extension KeptSending {
    /// Whether the destination may have the report, and nothing of it is to be sent again.
    fileprivate var isSent: Bool {
        switch outcome {
        case .underWay: true
        case .withdrawn: false
        case .concluded(let conclusion): conclusion.state.isFinal
        }
    }
}
