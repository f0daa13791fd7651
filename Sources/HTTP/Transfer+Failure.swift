// SPDX-License-Identifier: Apache-2.0
import Basics
import CCurl
import Events
import Glibc

extension Transfer {
    /// What a failure of libcurl means. - libcurl-errors(3).
    func failure(_ code: CURLcode) -> HTTPFailure {
        if let socketError { return .system(socketError) }
        if let problem = verification.problem { return .certificate(problem) }
        switch code {
        case CURLE_COULDNT_CONNECT: return connectFailure
        case CURLE_OPERATION_TIMEDOUT: return stage == .connecting ? .connectTimeout : .deadline(stage)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CLIENTCERT: return handshakeFailure
        case CURLE_GOT_NOTHING: return .closed(.awaitingHead)
        // The last: libcurl wants to send a body once more.
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND: return .closed(stage)
        case CURLE_PARTIAL_FILE, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM:
            return .notHTTP
        case CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR: return .encoding
        // By version, this is how libcurl says that a line is too long. The host has its hand in all that it reads.
        case CURLE_OUT_OF_MEMORY:
            return stage == .connecting ? .system(SystemError("connect", code: ENOMEM)) : .headTooLong
        default: return .other(CurlLibrary.text(of: code))
        }
    }

    private var connectFailure: HTTPFailure {
        var number = 0
        guard CCurl_get_long(easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK, number != 0 else {
            return .other("no connection")
        }
        return .system(SystemError("connect", code: Int32(truncatingIfNeeded: number)))
    }

    /// `wrong version number` out of `OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number`.
    private var handshakeFailure: HTTPFailure {
        let text = String(cString: errorText)
        guard let start = text.firstRange(of: "error:"),
            let reason = text[start.upperBound...].split(separator: ":").last,
            !reason.contains("unexpected eof")
        else { return .closed(.connecting) }
        return .handshake(printable(reason.trimmingPrefix(" "), limit: 100))
    }
}
