// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own: a fuzz target gets its main function from libFuzzer, so it links only with that sanitizer.
// Sources, CShims and RuleTables are links to the project's own.
func fuzzer(_ name: String, _ more: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: ["Names", "MTASTS"] + more, path: "Targets/\(name)",
        swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "sts-milter-fuzz",
    targets: [
        .systemLibrary(name: "CIDN2", path: "CShims/CIDN2", pkgConfig: "libidn2"),
        .target(name: "Names", dependencies: ["CIDN2"]),
        .target(name: "TLSRPT", dependencies: ["Names"]),
        .target(name: "MTASTS", dependencies: ["Names", "TLSRPT"]),
        // Without the server, which needs swift-nio.
        .target(
            name: "PolicyMap", dependencies: ["Names", "MTASTS", "TLSRPT"],
            sources: ["AcceptedNames.swift", "MapAnswer.swift", "MapForm.swift", "Netstring.swift"]),
        // Without what follows files and sockets.
        .target(
            name: "Intake", dependencies: ["Names", "MTASTS", "TLSRPT"],
            sources: [
                "DatagramError.swift", "DatagramMessage.swift", "LogReader.swift", "PostfixAttempt.swift",
                "PostfixAttempt+Session.swift", "PostfixDelivery.swift",
                "PostfixFailure.swift", "PostfixLine.swift", "PostfixLogReader.swift", "PostfixPeer.swift",
                "PostfixProcess.swift", "PostfixProcesses.swift", "PostfixProxied.swift", "PostfixSilence.swift",
                "PostfixTLSLevel.swift", "PostfixVerdict.swift", "SendmailDelivery.swift",
                "SendmailFailure.swift", "SendmailLine.swift", "SendmailLogReader.swift", "SendmailProcess.swift",
                "SendmailSession.swift", "SendmailSilence.swift", "SendmailVerify.swift", "SyslogClock.swift",
                "SyslogLine.swift", "SyslogOctets.swift", "TLSRPTDatagram+Reading.swift", "TLSRPTDatagram.swift",
            ]),
        fuzzer("FuzzRecord"),
        fuzzer("FuzzPolicy"),
        fuzzer("FuzzName"),
        fuzzer("FuzzNextHop"),
        fuzzer("FuzzNetstring", ["PolicyMap"]),
        fuzzer("FuzzMapAnswer", ["PolicyMap"]),
        fuzzer("FuzzPostfixLog", ["Intake"]),
        fuzzer("FuzzSendmailLog", ["Intake"]),
        fuzzer("FuzzDatagram", ["Intake", "TLSRPT"]),
    ],
    swiftLanguageModes: [.v6]
)
