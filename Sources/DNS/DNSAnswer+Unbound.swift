// SPDX-License-Identifier: Apache-2.0
import Basics
import CUnbound

extension DNSAnswer<[UInt8]> {
    /// Response codes of the DNS. - RFC 1035 §4.1.1: Header section format.
    private enum ResponseCode {
        static let noError: Int32 = 0
        static let serverFailure: Int32 = 2
        static let nameError: Int32 = 3
        static let refused: Int32 = 5
    }

    /// Copies what is wanted of libunbound's result.
    init(_ result: ub_result, recordLimit: Int) {
        let outcome = Self.outcome(result)
        guard outcome.failure == nil else {
            self.init(outcome: outcome, security: result.bogus != 0 ? .bogus : .insecure)
            return
        }
        let (records, isCut) = outcome == .records ? Self.records(result, recordLimit) : ([], false)
        self.init(
            outcome: outcome, records: records, isCut: isCut,
            canonicalName: result.canonname.flatMap { try? DomainName(mxHost: String(cString: $0)) },
            timeToLive: .seconds(max(0, Int64(result.ttl))), security: result.secure != 0 ? .secure : .insecure)
    }

    private static func outcome(_ result: ub_result) -> DNSOutcome {
        if result.bogus != 0 {
            return .failure(.bogus(result.why_bogus.map { printable(String(cString: $0)) } ?? "no reason given"))
        }
        switch result.rcode {
        case ResponseCode.nameError: return .noSuchDomain
        case ResponseCode.noError where result.nxdomain != 0: return .noSuchDomain
        case ResponseCode.noError: return result.havedata != 0 ? .records : .noData
        case ResponseCode.serverFailure: return .failure(.serverFailure)
        case ResponseCode.refused: return .failure(.refused)
        case let code: return .failure(.responseCode(code))
        }
    }

    private static func records(_ result: ub_result, _ limit: Int) -> ([[UInt8]], isCut: Bool) {
        guard let data = result.data, let lengths = result.len else { return ([], false) }
        var records: [[UInt8]] = []
        while records.count < limit, let record = data[records.count] {
            let bytes = UnsafeRawBufferPointer(start: record, count: max(0, Int(lengths[records.count])))
            records.append(Array(bytes))
        }
        return (records, data[records.count] != nil)
    }
}
