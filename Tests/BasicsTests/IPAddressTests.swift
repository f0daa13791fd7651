// SPDX-License-Identifier: Apache-2.0
import Basics
import Glibc
import Testing

@Suite("IPAddress: literals and reserved ranges")
struct IPAddressTests {
    @Test(
        "reads literals and writes the RFC 5952 form",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("IPv6:2001:DB8::1", "2001:db8::1"), ("ipv6:::1", "::1"), ("::1", "::1"),
        ])
    func literal(_ text: String, _ expected: String) {
        #expect(IPAddress(literal: text)?.description == expected)
    }

    @Test(
        "refuses other texts", arguments: ["", "1.2.3", "example.org", "ipv6:1.2.3.4", "1.2.3.4.5", "::g", "1.2.3.4\0"])
    func refused(_ text: String) {
        #expect(IPAddress(literal: text) == nil)
    }

    @Test(
        "takes of dotted texts what inet_pton takes, and as it does",
        arguments: [
            "0.0.0.0", "255.255.255.255", "192.0.2.10", "1.2.3.4", "01.2.3.4", "1.2.3.04", "00.0.0.0", "256.1.1.1",
            "1.2.3.999", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", " 1.2.3.4", "1.2.3.4 ",
            "1.2.3.4\n",
            "1.2.3.a", "+1.2.3.4", "0x1.2.3.4", "4294967296", "1.2.3.4294967296", "1.2.3.4/8", "", ".", "...",
        ])
    func dotted(_ text: String) {
        var address = in_addr()
        let isAddress = inet_pton(AF_INET, text, &address) == 1
        let octets = withUnsafeBytes(of: address) { Array($0) }
        #expect(IPAddress(text)?.octets == (isAddress ? octets : nil))
    }

    @Test("writes dotted texts as inet_ntop does")
    func written() {
        for part in UInt8.min...UInt8.max {
            let octets = [part, 255 - part, part / 10, part % 7]
            var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
            let written = inet_ntop(AF_INET, octets, &text, socklen_t(text.count)).map { String(cString: $0) }
            #expect(IPAddress(octets: octets)?.description == written)
        }
    }

    @Test("public addresses are dialled", arguments: ["9.9.9.9", "2620:fe::fe", "64:ff9b::909:909", "2002:909:909::1"])
    func open(_ text: String) throws {
        #expect(try #require(IPAddress(text)).isPublic)
    }

    @Test(
        "our own networks are not",
        arguments: [
            "127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1",
            "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:db8::1",
        ])
    func closed(_ text: String) throws {
        #expect(!(try #require(IPAddress(text)).isPublic))
    }

    @Test(
        "loopback is this machine's own network",
        arguments: [
            ("127.0.0.1", true), ("127.255.255.254", true), ("::1", true), ("128.0.0.1", false), ("10.0.0.127", false),
            ("::", false), ("::2", false), ("1::1", false), ("::ffff:127.0.0.1", false),
        ])
    func loopback(_ text: String, _ expected: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == expected)
    }

    @Test("a network holds its own addresses only")
    func network() throws {
        let network = try #require(IPNetwork("192.0.2.128/25"))
        #expect(network.contains(try #require(IPAddress("192.0.2.200"))))
        #expect(!network.contains(try #require(IPAddress("192.0.2.1"))))
        #expect(!network.contains(try #require(IPAddress("::1"))))
        #expect(IPNetwork("192.0.2.0/33") == nil)
    }
}
