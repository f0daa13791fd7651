// SPDX-License-Identifier: Apache-2.0

// A PostgreSQL server by libpq: one connection, on which each wait has a deadline.
//
// `PostgresConnection` is what others use. It has a thread of its own, since libpq blocks where it looks up a host's name;
// whoever asks waits without a thread, and no longer than the deadline, whatever becomes of ours. Work on the connection is
// a function that runs on that thread with a `PostgresSession`: it sends a statement with its parameters, which are never
// put into the text, and waits for the answer by poll(2).
//
// A connection is made when it is needed, to the first host of the connection string that fits, and closed when a wait on
// it has failed: what is half said is not gone on with. Then it listens to its channels again, and says that it may have
// missed something. What went wrong is a `PostgresError`, by what the caller does next.
