// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@Suite("Listening addresses")
struct ListenAddressTests {
    @Test(
        "every usual form is read and written in libmilter's",
        arguments: [
            ("inet:8890@127.0.0.1", "inet:8890@127.0.0.1"),
            ("inet:127.0.0.1:8890", "inet:8890@127.0.0.1"),
            ("inet:8890", "inet:8890"),
            ("inet:65535@mail.example.org", "inet:65535@mail.example.org"),
            ("inet:localhost:1", "inet:1@localhost"),
            ("inet:[::1]:8890", "inet6:8890@::1"),
            ("inet:8890@[127.0.0.1]", "inet:8890@127.0.0.1"),
            ("inet6:8890@::1", "inet6:8890@::1"),
            ("inet6:8890@[2001:DB8::1]", "inet6:8890@2001:db8::1"),
            ("inet6:[::1]:8890", "inet6:8890@::1"),
            ("inet6:8890", "inet6:8890"),
            ("unix:/run/sts-milter/milter.sock", "unix:/run/sts-milter/milter.sock"),
            ("local:/run/a", "unix:/run/a"),
            ("/run/a", "unix:/run/a"),
            ("unix:/" + String(repeating: "x", count: 106), "unix:/" + String(repeating: "x", count: 106)),
            ("fd:3", "fd:3"),
        ])
    func reads(_ text: String, _ rendered: String) throws {
        #expect(try ListenAddress(text).description == rendered)
    }

    @Test(
        "what a server would misread is refused",
        arguments: [
            ("", ListenAddressError.noKind("")),
            ("8890", .noKind("8890")),
            ("tcp:8890", .noKind("tcp:8890")),
            ("inet:99999@127.0.0.1", .badPort("99999")),
            ("inet:0@127.0.0.1", .badPort("0")),
            ("inet:+25@127.0.0.1", .badPort("+25")),
            ("inet:@127.0.0.1", .badPort("")),
            ("inet:127.0.0.1", .badPort("127.0.0.1")),
            ("inet:smtp@127.0.0.1", .badPort("smtp")),
            ("inet:8890@", .badHost("")),
            ("inet:8890@256.1.1.1", .badHost("256.1.1.1")),
            ("inet:8890@a_b.example", .badHost("a_b.example")),
            ("inet6:8890@127.0.0.1", .notIPv6("127.0.0.1")),
            ("unix:run/a", .relativePath("run/a")),
            ("unix:", .relativePath("")),
            ("unix:/" + String(repeating: "x", count: 107), .pathTooLong),
            ("fd:x", .badDescriptor("x")),
            ("fd:-1", .badDescriptor("-1")),
            ("unix:/run/a b", .forbiddenCharacter),
            ("/run/a\u{0}b", .forbiddenCharacter),
        ])
    func refuses(_ text: String, _ error: ListenAddressError) {
        #expect(throws: error) { try ListenAddress(text) }
        #expect(!error.description.isEmpty)
    }

    @Test(
        "what was meant is repeated in the form that is taken",
        arguments: [
            ("127.0.0.1:8462", "inet:8462@127.0.0.1"), ("8462", "inet:8462@127.0.0.1"),
            ("[::1]:8462", "inet6:8462@::1"), ("localhost:8462", "inet:8462@localhost"),
            ("8462@127.0.0.1", "inet:8462@127.0.0.1"), ("nonsense", "inet:8890@127.0.0.1, inet6:8890@::1"),
        ])
    func meant(_ text: String, _ form: String) {
        let said = "'\(text)' is not a socket: write \(form), unix:/path or fd:3"
        #expect(ListenAddressError.noKind(text).description == said)
    }
}
