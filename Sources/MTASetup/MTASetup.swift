// SPDX-License-Identifier: Apache-2.0

// How `sts-milter setup` makes an MTA and sts-milter work together.
//
// `PostfixSetup` and `SendmailSetup` are pure: what `MTACheck` found of the MTA and our settings go in, a `SetupPlan` comes
// out. They choose our sockets and where deliveries are heard of (`SetupSettings`), and then take for main.cf, or for
// sendmail.mc (`MacroFile`), the cures of the rules that `check-mta` goes by, until these find nothing more that setup may
// change. So what setup has made, `check-mta` finds nothing missing in; what it may not change, such as the services of
// master.cf, the plan names as left to the administrator. What the system has to give is an `OptionalPart`.
//
// `SetupRun` carries a plan out, each step checked; what an MTA does otherwise than another is its `MTAControl`. Before
// anything is changed, `SetupBackup` keeps the files that will be, octet for octet; `--undo` puts them back, unless
// somebody has changed them since.
