// SPDX-License-Identifier: Apache-2.0
import CPSL
import Glibc

extension DomainName {
    /// The name that somebody registered: one label more than the public suffix, such as `example.co.uk`.
    ///
    /// All names below it are one owner's, so whatever is shared out among strangers is shared out by it. A name that
    /// is a public suffix itself stands for itself. The list is libpsl's own, as old as the library.
    package var registrable: DomainName {
        guard let list = psl_builtin() else { return self }
        // libpsl answers with a pointer into the text that it was given.
        let octets: Int? = ascii.withCString { text in psl_registrable_domain(list, text).map { strlen($0) } }
        guard let octets, octets < ascii.utf8.count else { return self }
        return DomainName(unchecked: String(ascii.suffix(octets)))
    }
}
