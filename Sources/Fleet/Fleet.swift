// SPDX-License-Identifier: Apache-2.0

// Several machines as one sender, by way of a PostgreSQL database that all of them reach.
//
// Each machine judges mail by its own store, with the database or without it. The database is three things: a mailbox of
// what the machines have counted (Counts), a second source of policies (Policies), and the place where it is decided who
// makes and sends the reports of a day (Reports). All of it is asked by tasks in the background, under deadlines; while the
// database does not answer, what would be said to it waits in the store of the machine.
//
// `FleetDatabase` is the connection: it lets no work through before the tables are known to be of a version that this
// program can use, and this machine to be the only one under its identity. `FleetSchema` has the tables, which `fleet
// migrate` alone makes. Times in the database are those of its own clock.
