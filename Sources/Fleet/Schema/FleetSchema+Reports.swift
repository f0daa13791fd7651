// SPDX-License-Identifier: Apache-2.0

extension FleetSchema {
    /// What became of what was counted: the frozen reports of the fleet, and their deliveries.
    static let reports = """
        """
}
