// SPDX-License-Identifier: Apache-2.0
import LabKit
import Testing
import TestKit

@Suite("On a real Postfix: others at the policy map do not keep it from an answer")
struct MapCrowdScenarios {
    /// Opens connections, says how many, and holds them.
    private static let crowd = """
        use Socket; $| = 1; my ($path, $count) = @ARGV; my @held;
        for (1..$count) {
          socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die $!; connect($s, pack_sockaddr_un($path)) or die $!; push @held, $s;
        }
        print "held $count\\n"; sleep 600;
        """

    /// The process id of the smtp(8) that delivered to a recipient.
    private func deliverer(of recipient: String, _ postfix: Postfix) async throws -> Substring? {
        let line = try await postfix.waitForLog("to=<\(recipient)>", "status=sent")
        return line.split(separator: "postfix/smtp[").last?.prefix { $0 != "]" }
    }

    @Test("more idle connections of another user than there may be")
    func crowd() async throws {
        let lab = try await Lab.open()
        let directory = try TemporaryDirectory()
        let path = directory.path + "/map.sock"
        let daemon = try await lab.daemon(
            61, "[policy_map]\nsocket = \"unix:\(path)\"\nsocket_mode = \"0666\"\n", before: MapLab.enforcing)
        let postfix = try Postfix(
            address: "127.20.0.61", options: MapLab.options(lab.network, map: "socketmap:unix:\(path):postfix"))
        defer { postfix.stop() }
        let host = try lab.network.domain("m-crowd.lab")
        try await postfix.accept("one@m-crowd.lab")
        _ = try await deliverer(of: "one@m-crowd.lab", postfix)

        // A thousand is what max_connections is as delivered.
        let crowd = try BackgroundProcess(
            ["prlimit", "--nofile=2048:2048", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
                + ["perl", "-e", Self.crowd, path, "1100"], logFile: directory.path + "/crowd")
        defer { crowd.stop() }
        try await Wait.until("the crowd is there: \(crowd.log)", within: .seconds(30)) {
            crowd.log.contains("held 1100")
        }
        try await daemon.waitForLog("the new one takes the place of another", "closed=uid:65534")
        try await postfix.accept("two@m-crowd.lab")
        _ = try await deliverer(of: "two@m-crowd.lab", postfix)
        let table = "socketmap:unix:\(path):postfix"
        #expect(try postfix.lookUp("m-crowd.lab", in: table) == "secure match=mx.m-crowd.lab servername=hostname")
        #expect(!daemon.log.contains("closed=uid:0") && !postfix.log.contains("status=deferred"), "\(postfix.log)")
        #expect(host.messages.count == 2 && host.messages.allSatisfy(\.overTLS))
    }

    @Test("a delivery agent whose connection was closed for another asks again on a new one, in the same delivery")
    func retry() async throws {
        let lab = try await Lab.open()
        let daemon = try await lab.daemon(62, MapLab.serving(62) + "max_connections = 1\n", before: MapLab.enforcing)
        let postfix = try Postfix(
            address: "127.20.0.62", options: MapLab.options(lab.network, map: MapLab.map(62)))
        defer { postfix.stop() }
        try lab.network.domain("m-retry.lab")
        try await postfix.accept("one@m-retry.lab")
        let first = try await deliverer(of: "one@m-retry.lab", postfix)
        #expect(try await MapQuestion(address: daemon.address).ask("m-retry.lab").hasPrefix("OK secure"))
        try await daemon.waitForLog("the new one takes the place of another", "closed=127.0.0.1")
        try await postfix.accept("two@m-retry.lab")
        let second = try await deliverer(of: "two@m-retry.lab", postfix)
        #expect(first != nil && first == second)
        #expect(!postfix.log.contains("status=deferred"), "\(postfix.log)")
    }
}
