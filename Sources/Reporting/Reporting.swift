// SPDX-License-Identifier: Apache-2.0

// How a day's counts become reports, and who gets them when. - RFC 8460 §3 to §5.
//
// Building: `ReportSchedule` says when a day is over. `ReportBuilder` takes what was counted for each domain
// (`DailyCounts`, `DomainResults`), a few domains at a time, and has `ReportJudge` settle each of them once: `ReportAudience`
// reads from the TLSRPT record, and from the operator's `NeverList`, who is to have a report, and `ReportMaker` makes it.
// The `ReportDecision` freezes both in the outbox, so that each destination and each try gets the same octets.
//
// Sending: `ReportSender` takes what is due from the `ReportOutbox`, by a lease, since several processes may send from one
// store. `DeliveryShares` choose, so that no destination and no domain holds up another. Each delivery goes in two steps by
// a `ReportCarrier`: all that can fail without harm; then, once the outbox has marked that the destination may have it,
// the last octet. What follows from the attempt is in `RetryPlan`. A `ReportCopier` keeps copies of what was accepted.
//
// The ports are in `Outbox`: `Store` answers `DailyCounts` and `ReportOutbox`, `Courier` the `ReportCarrier`, `Discovery`
// the record. The daemon and the `report` commands run the same code.
//
// Several machines, one report: `Counts` has the form of the file by which one machine's counts come to another.
