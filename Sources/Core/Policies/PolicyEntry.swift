// SPDX-License-Identifier: Apache-2.0
import Basics
import TLSRPT

/// All that is known of one domain beside its policy, which lies packed in ``PolicyMemory``.
///
/// A million domains in use have an entry each, so it has 24 octets: what only some domains have lies in a block of its own.
struct PolicyEntry: Sendable {
    /// Fetches of a domain that failed one after the other, and how long none is tried.
    struct Pause: Sendable {
        /// The id of the record for which they failed: a new id is worth a try at once.
        let id: String
        let failures: Int
        let until: UTCTime
        let failure: PolicyFailure

        var heldOctets: Int { id.heldOctets + failure.text.heldOctets }
    }

    /// What most domains with a policy in good order have none of.
    private struct Past: Sendable {
        var lookup: Timed<PolicyLookup>?
        var rechecked = TimeSpan.never
        var pause: Timed<Pause>?
        var notRenewed: Timed<String>?
        var endSaid: Timed<UTCTime>?
        var ranOutAt: Timed<UTCTime>?
        var withoutRecord = TimeSpan.never
        var look = TimeSpan.never

        var isEmpty: Bool {
            lookup == nil && rechecked == .never && pause == nil && notRenewed == nil && endSaid == nil
                && ranOutAt == nil && withoutRecord == .never && look == .never
        }

        /// Forgets what is no longer good; returns whether there was any of it.
        mutating func letGo(at now: UTCTime) -> Bool {
            var isChanged = lookup.letGo(at: now)
            isChanged = pause.letGo(at: now) || isChanged
            isChanged = notRenewed.letGo(at: now) || isChanged
            isChanged = endSaid.letGo(at: now) || isChanged
            isChanged = ranOutAt.letGo(at: now) || isChanged
            isChanged = rechecked.letGo(at: now) || isChanged
            isChanged = look.letGo(at: now) || isChanged
            return withoutRecord.letGo(at: now) || isChanged
        }

        var heldOctets: Int {
            (lookup?.value.heldOctets ?? 0) + (pause?.value.heldOctets ?? 0) + (notRenewed?.value.heldOctets ?? 0)
        }
    }

    /// What the block costs beside what is in it.
    private static let blockOctets = MemoryLayout<Past>.stride + 32

    private var past: Boxed<Past>?
    /// When mail last asked for the policy while it was live.
    var lastUse = PackedTime.never
    /// How long a look at the record stands, or a failure of our own with it: no other is due before.
    var recordChecked = TimeSpan.never
    /// Whether the last use is still to be written to the store.
    var isUseUnsaved = false
    /// Whether somebody asked for the entry since room was last made.
    var isAskedFor = false

    /// What the network said when it did not give a policy, or one that lives for less than ``PolicyCache/shortestLife``.
    var lookup: Timed<PolicyLookup>? {
        get { past?.value.lookup }
        set { changePast { $0.lookup = newValue } }
    }

    /// The same, if it is good: asked on the hot path, where the rest of the block is not copied.
    func lookup(at now: UTCTime) -> PolicyLookup? {
        guard let past, past.value.lookup?.isGood(at: now) == true else { return nil }
        return past.value.lookup?.value
    }

    /// How long a look at the record after a violation stands.
    var rechecked: TimeSpan {
        get { past?.value.rechecked ?? .never }
        set { changePast { $0.rechecked = newValue } }
    }

    /// Why and how long fetches pause.
    var pause: Timed<Pause>? {
        get { past?.value.pause }
        set { changePast { $0.pause = newValue } }
    }

    /// Why the last renewal came to nothing where fetches do not pause for it: a failure of our own, or a host that gave
    /// no policy while the record was gone.
    var notRenewed: Timed<String>? {
        get { past?.value.notRenewed }
        set { changePast { $0.notRenewed = newValue } }
    }

    /// The end of the policy whose end was logged last.
    var endSaid: Timed<UTCTime>? {
        get { past?.value.endSaid }
        set { changePast { $0.endSaid = newValue } }
    }

    /// When a policy in use was found to have ended because no fetch succeeded.
    var ranOutAt: Timed<UTCTime>? {
        get { past?.value.ranOutAt }
        set { changePast { $0.ranOutAt = newValue } }
    }

    /// How long no renewal is tried, after one for which there was neither the record nor a policy at the host.
    var withoutRecord: TimeSpan {
        get { past?.value.withoutRecord ?? .never }
        set { changePast { $0.withoutRecord = newValue } }
    }

    /// How long those who ask wait for the look at the record that is under way; over as soon as it comes to an end.
    var look: TimeSpan {
        get { past?.value.look ?? .never }
        set { changePast { $0.look = newValue } }
    }

    /// Whether the record is to be looked at.
    func recordLook(at now: UTCTime) -> RecordLook {
        // The record may have been seen already, and the policy that it announces be on its way.
        if look.contains(now) { return .underWay }
        if recordChecked.contains(now) { return .stands }
        return look == .never ? .due : .overdue
    }

    private mutating func changePast(_ change: (inout Past) -> Void) {
        var past = past?.value ?? Past()
        change(&past)
        self.past = past.isEmpty ? nil : Boxed(past)
    }

    var isInUse: Bool { lastUse != .never }
    var isEmpty: Bool { past == nil && !isInUse && recordChecked == .never }

    /// The octets of what the entry holds outside itself.
    var heldOctets: Int { past.map { Self.blockOctets + $0.value.heldOctets } ?? 0 }

    /// Forgets what is no longer good, and a use from before `oldestUse`; returns whether there was any of it.
    mutating func letGo(at now: UTCTime, usedBefore oldestUse: UTCTime) -> Bool {
        var isChanged = false
        if isInUse, lastUse.time < oldestUse {
            lastUse = .never
            isUseUnsaved = false
            isChanged = true
        }
        isChanged = recordChecked.letGo(at: now) || isChanged
        guard var kept = past?.value, kept.letGo(at: now) else { return isChanged }
        past = kept.isEmpty ? nil : Boxed(kept)
        return true
    }

    /// Forgets what the network can say again and what costs memory. The last use stays, and that a policy ran out.
    mutating func strip() {
        if !isInUse { recordChecked = .never }
        guard let old = past?.value else { return }
        past = old.ranOutAt == nil ? nil : Boxed(Past(endSaid: old.endSaid, ranOutAt: old.ranOutAt))
    }
}

/// How it stands with the look at the record of a policy in use.
enum RecordLook: Sendable, Hashable {
    /// The last one still stands.
    case stands
    /// None stands: it is made before anything is concluded from the policy.
    case due
    /// It began a moment ago: whoever asks waits for it.
    case underWay
    /// It takes so long that nobody waits any more.
    case overdue
}

/// A value that is good for a set time.
struct Timed<Value: Sendable>: Sendable {
    let value: Value
    private let from: UTCTime
    private let until: UTCTime

    init(_ value: Value, at now: UTCTime, keepFor: Duration) {
        self.value = value
        from = now
        until = now + keepFor
    }

    /// A clock that was set back must not prolong what was seen in its future.
    func isGood(at now: UTCTime) -> Bool { from <= now && now < until }
    func value(at now: UTCTime) -> Value? { isGood(at: now) ? value : nil }
}

extension Optional {
    /// Forgets a value that is no longer good; returns whether there was one.
    fileprivate mutating func letGo<Value>(at now: UTCTime) -> Bool where Wrapped == Timed<Value> {
        guard let timed = self, !timed.isGood(at: now) else { return false }
        self = nil
        return true
    }
}

/// A moment in four octets, to the second, up to the year 2106.
struct PackedTime: Sendable, Hashable {
    static let never = PackedTime(seconds: 0)

    private let seconds: UInt32

    private init(seconds: UInt32) { self.seconds = seconds }

    init(_ time: UTCTime) { seconds = UInt32(clamping: max(1, time.secondsSinceEpoch)) }

    /// Before all others if it is ``never``.
    var time: UTCTime { UTCTime(secondsSinceEpoch: Int64(seconds)) }
}

/// From one moment to another, the latter not included.
struct TimeSpan: Sendable, Hashable {
    static let never = TimeSpan(from: .never, until: .never)

    private let from: PackedTime
    private let until: PackedTime

    private init(from: PackedTime, until: PackedTime) {
        self.from = from
        self.until = until
    }

    init(from now: UTCTime, for duration: Duration) {
        self.init(from: PackedTime(now), until: PackedTime(now + duration))
    }

    /// A clock that was set back must not prolong what was begun in its future.
    func contains(_ time: UTCTime) -> Bool { from.time <= time && time < until.time }

    /// Forgets a span that is over; returns whether there was one.
    fileprivate mutating func letGo(at now: UTCTime) -> Bool {
        guard self != .never, !contains(now) else { return false }
        self = .never
        return true
    }
}

/// A value in a block of memory of its own: who has none pays for a pointer only.
private final class Boxed<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
