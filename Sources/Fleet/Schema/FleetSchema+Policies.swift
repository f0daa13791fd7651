// SPDX-License-Identifier: Apache-2.0

extension FleetSchema {
    /// Policies that any machine has fetched, and who fetches them again when.
    static let policies = """
        """
}
