// SPDX-License-Identifier: Apache-2.0
import Basics
import Events
import Glibc
import Testing

@testable import Discovery

@Suite("A failure of our own is no failure of a policy host")
struct LocalFailureTests {
    static let rows: [([Int32], isTried: Bool)] = [
        ([ECONNREFUSED], true), ([ECONNRESET, ENETUNREACH], true), ([ENETUNREACH, EHOSTUNREACH], true),
        ([ETIMEDOUT], true), ([EMFILE], false), ([ENFILE], false), ([ENOBUFS], false), ([ENETUNREACH], false),
        // What was tried does not tell what the address that we could not dial would have.
        ([ECONNREFUSED, EMFILE], false), ([], false),
    ]

    @Test("by what the attempts at its addresses failed with", arguments: rows.indices)
    func cause(_ index: Int) throws {
        let (codes, isTried) = Self.rows[index]
        let reading = FailureReading(
            host: try DomainName("mta-sts.example.lab"), address: try #require(IPAddress("192.0.2.1")),
            waitLimit: .seconds(1), limit: 1, noun: "policy")
        let outcome = codes.map { reading.failure(for: .system(SystemError("connect", code: $0))) }.outcome
        switch outcome {
        case .failed(let failure): #expect(isTried && failure.type == .stsPolicyFetchError, "\(codes): \(outcome)")
        case .notTried: #expect(!isTried, "\(codes): \(outcome)")
        }
    }
}
