// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Settings

@Suite("A reload keeps what only a restart can change, and names it")
struct RestartTests {
    private func read(_ text: String) throws -> Settings {
        try Settings(SettingsFile(text: "network.helo_name = \"mta.example.org\"\n" + text, name: "test.toml"))
    }

    @Test("these keys need a restart, and no others")
    func keys() {
        #expect(
            Settings.keys.filter { $0.effect == .restart }.map(\.key) == [
                "milter.socket", "milter.socket_mode", "milter.socket_group", "milter.tls_required_no",
                "policy_map.socket", "policy_map.socket_mode", "policy_map.socket_group", "store.path",
                "intake.tlsrpt_socket", "intake.tlsrpt_socket_mode", "intake.tlsrpt_socket_group",
                "intake.postfix_log", "intake.sendmail_log", "fleet.postgres", "fleet.wait", "control.socket",
                "status.listen",
                "status.remote", "status.socket_mode", "status.socket_group",
            ])
    }

    @Test("the old values stay, and the others change")
    func kept() throws {
        let old = try read("policy_map.socket = \"inet:8461@127.0.0.1\"\n")
        var new = try read(
            """
            on_violation = "log"
            [milter]
            socket = "unix:/a"
            socket_mode = "0600"
            socket_group = "postfix"
            tls_required_no = true
            lookup_wait = "1s"
            [policy_map]
            socket = "unix:/b"
            socket_mode = "0600"
            wait = "9s"
            [store]
            path = "/c"
            [intake]
            postfix_log = "journal"
            [control]
            socket = ""
            """)
        let waiting = new.keepUntilRestart(old)
        #expect(
            waiting == [
                "milter.socket", "milter.socket_mode", "milter.socket_group", "milter.tls_required_no",
                "policy_map.socket", "policy_map.socket_mode", "store.path", "intake.postfix_log", "control.socket",
            ])
        #expect(new.milter.socket == old.milter.socket && new.milter.socketGroup == nil && !new.milter.tlsRequiredNo)
        #expect(new.policyMap?.socket == old.policyMap?.socket && new.policyMap?.waitLimit == .seconds(9))
        #expect(new.storePath == old.storePath && new.intake == old.intake && new.controlSocket == old.controlSocket)
        #expect(new.milter.lookupWait == .seconds(1) && new.milter.onViolation == .log)
        // Asked again, the same: they still wait. Taken back, they do not.
        var again = try read("store.path = \"/c\"\npolicy_map.socket = \"inet:8461@127.0.0.1\"\n")
        #expect(again.keepUntilRestart(new) == ["store.path"])
        var back = try read("policy_map.socket = \"inet:8461@127.0.0.1\"\n")
        #expect(back.keepUntilRestart(again).isEmpty)
    }

    @Test("a map begins and ends to be served with a restart")
    func map() throws {
        let without = try read("")
        let with = try read("policy_map.socket = \"inet:8461@127.0.0.1\"\n")
        var begins = with
        #expect(begins.keepUntilRestart(without) == ["policy_map.socket"] && begins.policyMap == nil)
        var ends = without
        #expect(ends.keepUntilRestart(with) == ["policy_map.socket"] && ends.policyMap == with.policyMap)
    }

    @Test("a map that is to guard and comes with the restart does not guard before")
    func guardingMap() throws {
        let without = try read("")
        let text = "enforcement = \"milter+policy-map\"\npolicy_map.socket = \"inet:8461@127.0.0.1\"\n"
        var guarding = try read(text)
        #expect(guarding.milter.isGuardedByMap)
        #expect(guarding.keepUntilRestart(without) == ["policy_map.socket", "enforcement"])
        #expect(guarding.gate.enforcement == .auto && !guarding.milter.isGuardedByMap)
        var again = try read(text)
        #expect(again.keepUntilRestart(guarding) == ["policy_map.socket", "enforcement"])
        var same = try read(text)
        #expect(same.keepUntilRestart(try read(text)).isEmpty && same.gate.enforcement == .milterAndPolicyMap)
    }
}
