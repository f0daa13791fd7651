// SPDX-License-Identifier: Apache-2.0

// What the daemon shows on a listener of its own: metrics for Prometheus, the status as JSON, and pages for a person.
//
// A request changes nothing: only GET and HEAD are answered, the routes are fixed (`Route`), and no request has a body. So
// there is no login and nothing to forge. Who may look is decided by who can connect: loopback or a Unix socket, unless the
// operator says otherwise.
//
// - `StatusPageServer` takes the socket and bounds the connections.
// - `RequestHandler` reads one request a connection, under a limit in octets and in time, and writes the answer.
// - `Route` is what can be asked for, `Pages` answers it from a `StatusSource`, which is the daemon.
// - Every text on a page goes through `Markup`, which escapes it by its type.
