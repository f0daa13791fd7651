// SPDX-License-Identifier: Apache-2.0
import Core
import Discovery
import LabKit
import Testing

@Suite("DocumentFetcher: a list by HTTPS, under the rules of policies", .serialized)
struct DocumentFetcherTests {
    private func fetcher(_ world: World, allowPrivate: Bool = true) throws -> DocumentFetcher {
        try world.discoverer { $0.allowPrivateAddresses = allowPrivate }.documents
    }

    private func failure(_ fetcher: DocumentFetcher, _ url: String, limit: Int = 1000) async -> String {
        do throws(DocumentError) {
            _ = try await fetcher.document(at: url, limitBytes: limit)
            return ""
        } catch { return error.description }
    }

    @Test("gets the body whatever its type, and keeps every limit")
    func document() async throws {
        let world = try World()
        world.names.set("lists.lab", .a(world.host.address))
        world.host.setCredential("lists.lab", try world.authority.issue(names: ["lists.lab"]))
        var answer = PolicyAnswer.body(.text("{}"))
        answer.contentType = "application/json"
        world.host.set(path: "/a/policy.json?x=1", answer)
        world.host.set(path: "/large", .body(.bytes(1001)))
        world.host.set(path: "/moved", .redirect(to: "https://lists.lab/a/policy.json"))
        let fetcher = try fetcher(world)
        let body = try await fetcher.document(at: "https://lists.lab/a/policy.json?x=1", limitBytes: 1000)
        #expect(body == Array("{}".utf8))
        #expect(world.host.requests.last?.path == "/a/policy.json?x=1")
        #expect(await failure(fetcher, "https://lists.lab/large").contains("document of lists.lab is longer than 1000"))
        #expect(await failure(fetcher, "https://lists.lab/moved").contains("redirects are not followed"))
        #expect(await failure(fetcher, "https://lists.lab/none").contains("HTTP status 404"))
        #expect(await failure(fetcher, "https://unknown.lab/x").contains("does not exist"))
        world.names.set("wrong.lab", .a(world.host.address))
        world.host.setCredential("wrong.lab", try world.authority.issue(names: ["other.lab"]))
        #expect(await failure(fetcher, "https://wrong.lab/x").contains("does not name wrong.lab"))
        let careful = try self.fetcher(world, allowPrivate: false)
        #expect(await failure(careful, "https://lists.lab/large").contains("private addresses only"))
    }

    @Test(
        "takes URLs apart",
        arguments: [
            ("https://example.org/policy.json", "example.org 443 /policy.json"),
            ("HTTPS://Example.org", "example.org 443 /"),
            ("https://example.org:8443/a?b=c", "example.org 8443 /a?b=c"),
            ("https://example.org?x", "example.org 443 /?x"),
            ("http://example.org/", nil), ("https://user@example.org/", nil), ("https://127.0.0.1/", nil),
            ("https://[::1]/", nil), ("https://example.org:0/", nil), ("https://example.org:x/", nil),
            ("https://example.org/a b", nil), ("https://example.org/\r\nx", nil), ("https://example.org/#f", nil),
            ("https:///x", nil), ("/etc/policy.json", nil),
        ] as [(String, String?)])
    func places(_ url: String, _ expected: String?) {
        #expect(WebPlace(url).map { "\($0.host) \($0.port) \($0.path)" } == expected)
    }
}
