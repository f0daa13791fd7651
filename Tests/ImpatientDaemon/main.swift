// SPDX-License-Identifier: Apache-2.0
import Daemon
import Glibc
import Settings

// impatient-daemon SECONDS SETTINGS: serves as `sts-milter serve` does, but takes mail after so few seconds for mail that the
// MTA does not ask the policy map for.

guard CommandLine.arguments.count == 3, let seconds = Int64(CommandLine.arguments[1]) else { exit(64) }
let source = SettingsSource(path: CommandLine.arguments[2], mayBeMissing: false)
exit(Service.run(source, mapLimit: .seconds(seconds)).rawValue)
