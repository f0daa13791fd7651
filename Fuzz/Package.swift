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
        .systemLibrary(name: "CPSL", path: "CShims/CPSL", pkgConfig: "libpsl"),
        .systemLibrary(name: "CZlib", path: "CShims/CZlib", pkgConfig: "zlib"),
        .target(name: "Gzip", dependencies: ["CZlib"]),
        .target(name: "Names", dependencies: ["CIDN2", "CPSL"]),
        .target(name: "TLSRPT", dependencies: ["Names"]),
        .target(name: "MTASTS", dependencies: ["Names", "TLSRPT"]),
        .target(name: "ReportView", dependencies: ["Gzip", "Names", "TLSRPT"]),
        // Without the server, which needs swift-nio.
        .target(
            name: "PolicyMap", dependencies: ["Names", "MTASTS", "TLSRPT"],
            sources: ["AcceptedNames.swift", "MapReply.swift", "MapForm.swift", "Netstring.swift"]),
        // Without what needs swift-log: the sockets and files.
        .target(
            name: "Intake", dependencies: ["Names", "MTASTS", "TLSRPT"],
            sources: [
                "DatagramError.swift", "DatagramMessage.swift", "LogReader.swift", "PostfixAttempt+Session.swift",
                "PostfixAttempt.swift", "PostfixDelivery.swift", "PostfixFailure.swift", "PostfixLine.swift",
                "PostfixLogReader.swift", "PostfixPeer.swift", "PostfixProcess.swift", "PostfixProcesses.swift",
                "PostfixProxied.swift", "PostfixSilence.swift", "PostfixTLSLevel.swift", "PostfixVerdict.swift",
                "SendmailDelivery.swift", "SendmailFailure.swift", "SendmailLine.swift", "SendmailLogReader.swift",
                "SendmailProcess.swift", "SendmailSession.swift", "SendmailSilence.swift", "SendmailVerify.swift",
                "SyslogClock.swift", "SyslogLine.swift", "SyslogOctets.swift", "TLSRPTDatagram+Reading.swift",
                "TLSRPTDatagram.swift",
            ]),
        // Without what asks gpgv and keeps files.
        .target(
            name: "Preload", dependencies: ["Names", "MTASTS", "TLSRPT"],
            sources: ["JSONValue.swift", "PreloadList.swift", "PreloadList+JSON.swift", "PreloadList+Parsing.swift"]),
        fuzzer("FuzzRecord"),
        fuzzer("FuzzPolicy"),
        fuzzer("FuzzName"),
        fuzzer("FuzzNextHop"),
        fuzzer("FuzzNetstring", ["PolicyMap"]),
        fuzzer("FuzzMapAnswer", ["PolicyMap"]),
        fuzzer("FuzzDatagram", ["Intake", "TLSRPT"]),
        fuzzer("FuzzSendmailLog", ["Intake"]),
        fuzzer("FuzzTLSRPTRecord", ["TLSRPT"]),
        fuzzer("FuzzReport", ["TLSRPT", "ReportView"]),
        fuzzer("FuzzPreloadList", ["Preload"]),
        fuzzer("FuzzPostfixLog", ["Intake"]),
    ],
    swiftLanguageModes: [.v6]
)
