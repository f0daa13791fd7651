// SPDX-License-Identifier: Apache-2.0
import Basics
import DNS
import Mail
import Reporting
import SMTP
import TLS

/// Hands letters to an MTA by SMTP. - RFC 5321 §3.3: Mail Transactions.
struct SMTPSubmission: Sendable {
    let host: ServerHost
    let port: UInt16
    let settings: CourierSettings
    let resolver: DNSResolver
    let connector: Connector
    let tls: TLSContext

    /// Tries the host's addresses in turn until one of them can have had the message.
    func prepare(_ outgoing: OutgoingMail) async -> ReportPreparation {
        let deadline = ContinuousClock.now + settings.mailTimeout
        let addresses: [IPAddress]
        do throws(Undialable) {
            addresses = try await self.addresses
        } catch {
            // The administrator's own host: no reason to give up a destination.
            return .ended(notHandedOver(error.text))
        }
        var failures: [String] = []
        for address in addresses where !Task.isCancelled {
            let transaction = SMTPTransaction(
                submission: self, address: address, usesTLS: !address.isLoopback, deadline: deadline)
            var step = await transaction.prepare(outgoing)
            // TLS is taken when offered, from whomever. - RFC 8460 §3: reports are delivered despite its failures.
            if case .noTLS(let text) = step {
                failures.append(text)
                let plain = SMTPTransaction(submission: self, address: address, usesTLS: false, deadline: deadline)
                step = await plain.prepare(outgoing)
            }
            switch step {
            case .held(let held): return .held(held)
            case .ended(let result): return .ended(result)
            case .notSent(let text), .noTLS(let text): failures.append(text)
            }
        }
        return .ended(
            failures.isEmpty ? .deferred("cancelled", after: nil) : notHandedOver(failures.joined(separator: "; ")))
    }

    /// Names the host as the settings do: it is none of the destination's.
    private func notHandedOver(_ why: String) -> SendResult {
        .deferred("not handed over to smtp:\(host):\(port): \(why)", after: nil)
    }

    private var addresses: [IPAddress] {
        get async throws(Undialable) {
            switch host {
            case .address(let address): return [address]
            case .name(let name):
                // The administrator named it: it may be private.
                let dialable = DialableAddresses(resolver: resolver, allowsPrivate: true)
                return try await dialable.addresses(of: name, within: settings.connectTimeout)
            }
        }
    }
}
