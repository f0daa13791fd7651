// SPDX-License-Identifier: Apache-2.0

/// Where log lines go.
package enum LogTarget: String, Sendable, CaseIterable { case stderr, syslog }
