// SPDX-License-Identifier: Apache-2.0
import LabKit

// The main job on a real Postfix: good routes are delivered, bad ones deferred with a reply that says why.
try await Demo().run()
