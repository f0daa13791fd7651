// SPDX-License-Identifier: Apache-2.0
import Preload

/// The table `[preload]` as the file has it.
struct PreloadOptions: Sendable {
    var source: PreloadSettings.Location?
    var keyring: String?
    var signature: PreloadSettings.Location?
    var interval = PreloadSettings.usualInterval
    var earlyAdopter = false
}

extension SettingsReader {
    /// What the keys of `[preload]` come to; nil without a source.
    mutating func preload(_ options: PreloadOptions) -> PreloadSettings? {
        guard let source = options.source else {
            if options.keyring != nil, !has(\Settings.preloadOptions.source) {
                refuse(\Settings.preloadOptions.keyring, "does nothing without preload.source")
            }
            return nil
        }
        guard let keyring = options.keyring else {
            if !has(\Settings.preloadOptions.keyring) {
                refuse(
                    \Settings.preloadOptions.source,
                    "the keys that may sign the list are needed: preload.keyring = \"/etc/sts-milter/preload.gpg\"")
            }
            return nil
        }
        return PreloadSettings(
            source: source, signature: options.signature, keyring: keyring, interval: options.interval,
            earlyAdopter: options.earlyAdopter)
    }
}
