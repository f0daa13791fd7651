// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// What reports say of us, and who gets them when.
package struct ReportingSettings: Sendable, Hashable {
    package var organizationName: String
    /// Its domain is the submitter, which stands in the file name and in `TLS-Report-Submitter`.
    /// - RFC 8460 §4.4: JSON Report Schema. - RFC 8460 §5.3: Email Transport.
    package var contact: Mailbox
    /// Tells this machine from others that report under the same contact: the host's name.
    package var source: String
    /// Stands in the ids of reports in the place of one made of the source, for machines that are one sender: letters and
    /// digits.
    package var token: String?
    /// Over what time the first deliveries of a day are spread. - RFC 8460 §4.1: Report Time Frame.
    package var spread = Duration.seconds(4 * 3600)
    package var onlyFailures = false
    package var never = NeverList()
    /// Octets of a compressed report past which details are left out. - RFC 8460 §5.2: Compression.
    package var maxBodyBytes = Report.maxOctets

    package init(organizationName: String, contact: Mailbox, source: String) {
        self.organizationName = organizationName
        self.contact = contact
        self.source = source
    }
}
