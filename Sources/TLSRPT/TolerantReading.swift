// SPDX-License-Identifier: Apache-2.0

/// An array, or the one value that some senders write where an array belongs.
struct OneOrMany<Value: Decodable>: Decodable {
    let values: [Value]

    init(from decoder: any Decoder) throws {
        // An array of anything is an array: only what is none may be a lone value, so that errors name their element.
        if (try? decoder.unkeyedContainer()) != nil {
            values = try [Value](from: decoder)
        } else {
            values = [try Value(from: decoder)]
        }
    }
}

/// A number of sessions: zero or more, also written as a string of digits.
struct SessionCount: Decodable {
    let value: Int

    init(from decoder: any Decoder) throws {
        let box = try decoder.singleValueContainer()
        let number: Int? = if let text = try? box.decode(String.self) { Int(text) } else { try? box.decode(Int.self) }
        guard let number, number >= 0 else {
            throw DecodingError.dataCorruptedError(in: box, debugDescription: "not a number of sessions")
        }
        value = number
    }
}
