// SPDX-License-Identifier: Apache-2.0

/// A certificate association. - RFC 6698 §2.1: TLSA RDATA Wire Format.
package struct TLSARecord: Sendable, Hashable, CustomStringConvertible {
    package let usage: UInt8
    package let selector: UInt8
    package let matchingType: UInt8
    package let association: [UInt8]

    package init(usage: UInt8, selector: UInt8, matchingType: UInt8, association: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matchingType = matchingType
        self.association = association
    }

    /// Reads the data of a TLSA record; nil if it is malformed.
    package init?(data: [UInt8]) {
        guard data.count > 3 else { return nil }
        self.init(usage: data[0], selector: data[1], matchingType: data[2], association: Array(data[3...]))
    }

    /// `usage selector matching-type hex`, as zone files and reports write it.
    package var description: String {
        let digits = Array("0123456789abcdef".utf8)
        let hex = association.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "\(usage) \(selector) \(matchingType) \(String(decoding: hex, as: UTF8.self))"
    }
}
