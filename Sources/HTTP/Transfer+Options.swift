// SPDX-License-Identifier: Apache-2.0
import CCurl

extension Transfer {
    /// Tells libcurl what to do, and above all what not to.
    func setOptions() throws(HTTPFailure) {
        try set(CURLOPT_URL, request.url)
        try require(CCurl_https_only(easy))
        // The path goes out as it was given.
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        try setConnection()
        try setTLS()
        try setHTTP()
        try setCallbacks()
    }

    /// One connection to the one address, used once; no proxy, whatever the environment says.
    private func setConnection() throws(HTTPFailure) {
        try set(CURLOPT_CONNECT_TO, list([request.connectTo]))
        try set(CURLOPT_PROXY, "")
        try set(CURLOPT_FRESH_CONNECT, 1)
        try set(CURLOPT_FORBID_REUSE, 1)
        try set(CURLOPT_DNS_CACHE_TIMEOUT, 0)
        // The loop ends what is late; libcurl's own bound is never to be the first.
        let seconds = request.connectTimeout.components.seconds
        try set(CURLOPT_CONNECTTIMEOUT, Int(min(seconds, 86_400)) + 60)
    }

    /// - RFC 8461 §7.2: Minimum TLS Version Support.
    private func setTLS() throws(HTTPFailure) {
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        // PeerVerification judges; libcurl adds neither authorities nor names of its own.
        try set(CURLOPT_SSL_VERIFYPEER, 0)
        try set(CURLOPT_SSL_VERIFYHOST, 0)
        // A resumed session would not be judged.
        try set(CURLOPT_SSL_SESSIONID_CACHE, 0)
    }

    private func setHTTP() throws(HTTPFailure) {
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        // - RFC 8461 §3.3: HTTP 3xx redirects MUST NOT be followed.
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_NETRC, 0)
        try set(CURLOPT_USERAGENT, request.userAgent)
        // Every coding that libcurl knows is decoded, one a response. None is asked for, and each may come.
        // - RFC 9110 §12.5.3: Accept-Encoding.
        try set(CURLOPT_ACCEPT_ENCODING, "")
        var fields = ["Accept: \(request.accept)", "Accept-Encoding:", "Connection: close"]
        if let body = request.body {
            // Without Expect: the response to it would only cost a wait.
            fields += ["Content-Type: \(body.mediaType)", "Expect:"]
            try set(CURLOPT_POST, 1)
            try require(CCurl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, Int(body.octets.count)))
        }
        try set(CURLOPT_HTTPHEADER, list(fields))
    }

    private func setCallbacks() throws(HTTPFailure) {
        let owner = Unmanaged.passUnretained(self).toOpaque()
        for option in [
            CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA, CURLOPT_OPENSOCKETDATA, CURLOPT_SSL_CTX_DATA,
            CURLOPT_PREREQDATA,
        ] {
            try set(option, owner)
        }
        try require(
            CCurl_set_writer(easy, CURLOPT_HEADERFUNCTION) { octets, size, count, owner in
                callback(owner, octets, size * count) { $0.take(line: $1) }
            })
        try require(
            CCurl_set_writer(easy, CURLOPT_WRITEFUNCTION) { octets, size, count, owner in
                callback(owner, octets, size * count) { $0.take(body: $1) }
            })
        try require(
            CCurl_set_reader(easy) { buffer, size, count, owner in
                guard let owner else { return Int(CURL_READFUNC_ABORT) }
                return Transfer.of(owner).give(UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
            })
        try require(
            CCurl_set_opener(easy) { owner, _, address in
                guard let owner, let address else { return -1 }
                return Transfer.of(owner).open(address)
            })
        try require(
            CCurl_set_context(easy) { _, context, owner in
                guard let context, let owner,
                    Transfer.of(owner).verification.prepare(OpaquePointer(context))
                else { return CURLE_SSL_CERTPROBLEM }
                return CURLE_OK
            })
        try require(
            CCurl_set_before_request(easy) { owner, _, _, _, _ in
                guard let owner, Transfer.of(owner).beginRequest() else { return CURL_PREREQFUNC_ABORT }
                return CURL_PREREQFUNC_OK
            })
    }

    private static func of(_ owner: UnsafeMutableRawPointer) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(owner).takeUnretainedValue()
    }

    private func set(_ option: CURLoption, _ value: Int) throws(HTTPFailure) {
        try require(CCurl_set_long(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(HTTPFailure) {
        try require(CCurl_set_text(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer) throws(HTTPFailure) {
        try require(CCurl_set_pointer(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>) throws(HTTPFailure) {
        try require(CCurl_set_list(easy, option, value))
    }

    private func list(_ texts: [String]) throws(HTTPFailure) -> UnsafeMutablePointer<curl_slist> {
        var list: UnsafeMutablePointer<curl_slist>?
        for text in texts {
            guard let longer = curl_slist_append(list, text) else {
                curl_slist_free_all(list)
                throw .setup("libcurl has no memory")
            }
            list = longer
        }
        guard let list else { throw .setup("an empty list") }
        lists.append(list)
        return list
    }

    /// An option that is not taken, such as one that this libcurl was built without, must not be passed over.
    private func require(_ code: CURLcode) throws(HTTPFailure) {
        guard code == CURLE_OK else { throw .setup("libcurl: \(CurlLibrary.text(of: code))") }
    }
}

/// Hands octets to a transfer, as libcurl's writers do: fewer taken than given end the transfer.
private func callback(
    _ owner: UnsafeMutableRawPointer?, _ octets: UnsafeMutablePointer<CChar>?, _ count: Int,
    _ take: (Transfer, UnsafeRawBufferPointer) -> Bool
) -> Int {
    guard let owner else { return -1 }
    let transfer = Unmanaged<Transfer>.fromOpaque(owner).takeUnretainedValue()
    // Zero would be all of an empty part.
    return take(transfer, UnsafeRawBufferPointer(start: octets, count: count)) ? count : count == 0 ? 1 : 0
}
