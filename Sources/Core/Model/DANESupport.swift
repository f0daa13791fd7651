// SPDX-License-Identifier: Apache-2.0

/// What the MTA that asks the policy map does about TLSA records.
package enum DANESupport: UInt8, Sendable, Hashable {
    /// It goes by the level that it is told: Postfix.
    case byLevel
    /// It looks for them itself, whatever it is told: a Sendmail that is built with DANE.
    case byItself
    /// It does nothing: any other Sendmail.
    case none
}
