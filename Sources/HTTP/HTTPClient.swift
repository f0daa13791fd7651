// SPDX-License-Identifier: Apache-2.0

/// Speaks HTTPS by libcurl, one request a connection, to addresses that its callers looked up and checked.
///
/// An ``HTTPRequest`` says what to ask, of which address, and whose certificates count. It becomes a ``Transfer``: one
/// handle of libcurl with its callbacks, which read the response's head (``ResponseHead``), bound what comes, and say in
/// the end what came of it, an ``HTTPResponse`` or an ``HTTPFailure``. ``PeerVerification`` judges the host by the same
/// authorities and the same rule as MX hosts. One thread (``TransferLoop``) runs all transfers of a client and ends each at
/// its deadline, or when the task that waits for it is cancelled. A body that must not arrive before somebody agrees is
/// sent by an ``HTTPUpload``, in two steps.
///
/// Nothing is kept between requests: no connection, no TLS session, no cookie. Neither the environment nor a file of the
/// user has a say: no proxy, no netrc. Redirects are answers like any other.
package final class HTTPClient: Sendable {
    private let loop: TransferLoop

    /// Starts the client's thread.
    package init() throws(HTTPSetupError) {
        try CurlLibrary.prepare()
        loop = try TransferLoop()
    }

    deinit { loop.stop() }

    /// Ends every transfer with ``HTTPFailure/cancelled``, and each that begins later.
    package func shutdown() { loop.stop() }

    /// Asks, and waits for the whole response. Ends soon when the task is cancelled, as it does at the deadline.
    package func response(to request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
        let transfer = try Transfer(request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.start(transfer) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            loop.cancel(transfer)
        }
        return try result.get()
    }

    /// Begins to send the request's body, all but its last octet.
    package func upload(_ request: HTTPRequest) throws(HTTPFailure) -> HTTPUpload {
        try HTTPUpload(request, by: loop, of: self)
    }
}
