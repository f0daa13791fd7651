// SPDX-License-Identifier: Apache-2.0

/// What distinguishes one kind of failed session from another in a report. - RFC 8460 §4.4: JSON Report Schema.
///
/// Addresses and names are text, since a report that was received may hold anything there; absent members are nil.
package struct FailureDetails: Sendable, Hashable {
    package var type: Registered<ResultType>
    package var sendingMTAIP: String?
    package var receivingMXHostname: String?
    package var receivingMXHelo: String?
    package var receivingIP: String?
    /// A URI.
    package var additionalInformation: String?
    package var reasonCode: String?

    package init(
        _ type: ResultType, sendingMTAIP: String? = nil, receivingMXHostname: String? = nil,
        receivingMXHelo: String? = nil, receivingIP: String? = nil, additionalInformation: String? = nil,
        reasonCode: String? = nil
    ) {
        self.init(type: .known(type))
        self.sendingMTAIP = sendingMTAIP
        self.receivingMXHostname = receivingMXHostname
        self.receivingMXHelo = receivingMXHelo
        self.receivingIP = receivingIP
        self.additionalInformation = additionalInformation
        self.reasonCode = reasonCode
    }

    /// Details of which only the type is known yet.
    package init(type: Registered<ResultType>) { self.type = type }

    /// The members in a fixed order, for sorting: a report of the same counts is the same text.
    var sortKey: [String] {
        [
            type.text, receivingMXHostname ?? "", receivingIP ?? "", sendingMTAIP ?? "", receivingMXHelo ?? "",
            reasonCode ?? "", additionalInformation ?? "",
        ]
    }
}
