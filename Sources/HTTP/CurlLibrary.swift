// SPDX-License-Identifier: Apache-2.0
import Basics
import CCurl

/// libcurl as a whole: initialised once for the process.
enum CurlLibrary {
    /// Why libcurl cannot be used; nil if it can. Whoever comes first initialises it, the others wait.
    private static let setupError: HTTPSetupError? = {
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
            return HTTPSetupError(text: "libcurl cannot be initialised")
        }
        let version = curl_version_info(CURLVERSION_FIRST)?.pointee
        let tls = version?.ssl_version.map { String(cString: $0) } ?? "none"
        // Whom to trust is OpenSSL's own store: another library would not have it.
        guard tls.hasPrefix("OpenSSL/") else {
            return HTTPSetupError(
                text: "libcurl's TLS is \(printable(tls)): install the libcurl that is built with OpenSSL")
        }
        return nil
    }()

    static func prepare() throws(HTTPSetupError) {
        if let setupError { throw setupError }
    }

    static func text(of code: CURLcode) -> String {
        curl_easy_strerror(code).map { printable(String(cString: $0)) } ?? "error \(code.rawValue)"
    }
}
