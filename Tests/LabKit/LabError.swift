// SPDX-License-Identifier: Apache-2.0

/// The laboratory could not do what a test asked of it: the test is broken or the machine lacks something.
package struct LabError: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
