// SPDX-License-Identifier: Apache-2.0
import Basics
import DNS
import HTTP
import Reporting

/// Posts reports to https endpoints. - RFC 8460 §5.4: HTTPS Transport.
struct HTTPSCarrier: Sendable {
    let http: HTTPClient
    let settings: CourierSettings
    let dialable: DialableAddresses
    let now: @Sendable () -> UTCTime

    /// Tries the endpoint's addresses in turn until one of them can have had the report.
    func prepare(_ report: CompressedReport, for endpoint: ReportEndpoint) async -> ReportPreparation {
        let deadline = ContinuousClock.now + settings.httpsTimeout
        let addresses: [IPAddress]
        do throws(Undialable) {
            addresses = try await self.addresses(of: endpoint.host)
        } catch {
            switch error {
            case .notAsked(let text), .forNow(let text): return .ended(.deferred(text, after: nil))
            case .forGood(let text): return .ended(.refused(text))
            }
        }
        var failures: [String] = []
        for address in addresses where !Task.isCancelled {
            let upload = Upload(
                http: http, settings: settings, endpoint: endpoint, address: address, deadline: deadline, now: now)
            switch await upload.prepare(report.body) {
            case .held(let held): return .held(held)
            case .ended(let result): return .ended(result)
            case .notSent(let text): failures.append(text)
            }
        }
        return .ended(.deferred(failures.isEmpty ? "cancelled" : failures.joined(separator: "; "), after: nil))
    }

    private func addresses(of host: ServerHost) async throws(Undialable) -> [IPAddress] {
        switch host {
        case .name(let name): return try await dialable.addresses(of: name, within: settings.httpsTimeout)
        case .address(let address):
            guard dialable.allows(address) else { throw .forGood("\(address) is a private address") }
            return [address]
        }
    }
}
