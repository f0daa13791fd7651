// SPDX-License-Identifier: Apache-2.0
import LabKit

// The main job on a real Postfix: good routes are delivered, bad ones deferred with a reply that says why.
// `demo fleet`: three Postfix that are one sender.
// `demo network FOLDER`: only its small Internet, for an MTA and a daemon that somebody else starts.
if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "network" {
    try await Demo().serveNetwork(describedIn: CommandLine.arguments[2])
} else if CommandLine.arguments.dropFirst() == ["fleet"] {
    try await FleetDemo().run()
} else {
    try await Demo().run()
}
