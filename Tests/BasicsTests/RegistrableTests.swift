// SPDX-License-Identifier: Apache-2.0
import Basics
import Testing

@Suite("Registrable domains")
struct RegistrableTests {
    @Test(
        "one label more than the public suffix, whatever stands before",
        arguments: [
            ("example.com", "example.com"), ("a.b.example.com", "example.com"), ("mx.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"), ("com", "com"), ("t1.victim.zz", "victim.zz"), ("victim.zz", "victim.zz"),
            ("user.github.io", "user.github.io"), ("a.user.github.io", "user.github.io"),
            ("x.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"), ("_a.example.com", "example.com"),
        ])
    func registrable(name: String, expected: String) throws {
        #expect(try DomainName(mxHost: name).registrable.ascii == expected)
    }
}
