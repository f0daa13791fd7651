// SPDX-License-Identifier: Apache-2.0
import Basics

/// A signature that a trusted key made over the very bytes.
package struct GoodSignature: Sendable, Hashable {
    /// When it was made, by the signer's word.
    package let madeAt: UTCTime
    /// The fingerprint of the key or subkey, hexadecimal.
    package let fingerprint: String
}

/// Why a signature does not count; each says what to do.
package enum SignatureError: Error, Sendable, Equatable, CustomStringConvertible {
    case bad
    case expired
    case keyExpired
    case keyRevoked
    /// The key's id, as the signature gives it.
    case unknownKey(String)
    case noSignature(String)
    /// Nothing can be checked: the program is missing, the key ring unreadable, the disk full.
    case cannotCheck(String)

    package var description: String {
        switch self {
        case .bad: "the signature is not of this text: it was changed, or list and signature are of different times"
        case .expired: "the signature has expired"
        case .keyExpired: "the signing key has expired; get a key ring with its successor"
        case .keyRevoked: "the signing key was revoked; get a key ring with its successor"
        case .unknownKey(let id): "signed by key \(id), which is not in the key ring"
        case .noSignature(let text): "not a signature: \(text)"
        case .cannotCheck(let text): text
        }
    }
}

/// Reads what gpgv says on its status descriptor. - GnuPG, doc/DETAILS: format of the --status-fd output.
///
/// Of several signatures one good one is enough, as when keys change hands; but not beside one that is bad.
func verdict(ofStatus output: [UInt8], errors: String) throws(SignatureError) -> GoodSignature {
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap(StatusLine.init)
    var good: GoodSignature?
    var failure: SignatureError?
    // Each signature begins with NEWSIG; a gpgv that does not say so has only one.
    var isGood = false
    for line in lines {
        switch line.keyword {
        case "NEWSIG": isGood = false
        case "GOODSIG": isGood = true
        case "VALIDSIG":
            // Also follows EXPSIG, EXPKEYSIG and REVKEYSIG: by itself it only says that the numbers are right.
            guard isGood, line.words.count >= 3, let seconds = Int64(line.words[2]) else { continue }
            good = good ?? GoodSignature(madeAt: UTCTime(secondsSinceEpoch: seconds), fingerprint: line.words[0])
        case "BADSIG": throw .bad
        case "EXPSIG": failure = failure ?? .expired
        case "EXPKEYSIG": failure = failure ?? .keyExpired
        case "REVKEYSIG": failure = failure ?? .keyRevoked
        case "NO_PUBKEY": failure = failure ?? .unknownKey(printable(line.words.first ?? "?", limit: 40))
        case "NODATA": failure = failure ?? .noSignature("no OpenPGP data")
        default: continue
        }
    }
    if let good { return good }
    let said = errors.split(separator: "\n").last.map { printable($0, limit: 200) } ?? "gpgv said nothing"
    throw failure ?? .cannotCheck(said)
}

private struct StatusLine {
    let keyword: String
    let words: [String]

    init?(_ line: Substring) {
        let prefix = "[GNUPG:] "
        guard line.hasPrefix(prefix) else { return nil }
        let parts = line.dropFirst(prefix.count).split(separator: " ").map(String.init)
        guard let first = parts.first else { return nil }
        keyword = first
        words = Array(parts.dropFirst())
    }
}
