// SPDX-License-Identifier: Apache-2.0

// How `sts-milter setup` makes an MTA and sts-milter work together.
//
// `PostfixSetup` is pure: what `MTACheck` found of Postfix and our settings file go in, a `SetupPlan` comes out. It chooses
// our sockets and where deliveries are heard of, and then takes for main.cf the cures of the rules that `check-mta`
// goes by, until these find nothing more that setup may change. So what setup has made, `check-mta` finds nothing
// missing in; what it may not change, such as the services of master.cf, the plan names as left to the administrator.
//
// `SetupRun` carries a plan out, each step checked. Before anything is changed, `SetupBackup` keeps the files that will
// be, octet for octet; `--undo` puts them back, unless somebody has changed them since.
