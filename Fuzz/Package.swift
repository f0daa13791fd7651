// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own: a fuzz target gets its main function from libFuzzer, so it links only with that sanitizer.
// Sources, CShims and RuleTables are links to the project's own.
func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Targets/\(name)",
        swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "sts-milter-fuzz",
    dependencies: [.package(url: "https://github.com/apple/swift-log", from: "1.16.2")],
    targets: [
        .systemLibrary(name: "CIDN2", path: "CShims/CIDN2", pkgConfig: "libidn2"),
        .systemLibrary(name: "CPSL", path: "CShims/CPSL", pkgConfig: "libpsl"),
        .systemLibrary(name: "COpenSSL", path: "CShims/COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CZlib", path: "CShims/CZlib", pkgConfig: "zlib"),
        .target(name: "Basics", dependencies: ["CIDN2", "CPSL"]),
        .target(name: "MTASTS", dependencies: ["Basics"]),
        .target(name: "TLSRPT", dependencies: ["Basics"]),
        .target(
            name: "Concurrency", dependencies: ["Basics", .product(name: "Logging", package: "swift-log")]),
        .target(name: "Gzip", dependencies: ["CZlib"]),
        .target(name: "Mail", dependencies: ["Basics", "COpenSSL", "TLSRPT"]),
        .target(
            name: "Core",
            dependencies: [
                "Basics", "Concurrency", "MTASTS", "TLSRPT", .product(name: "Logging", package: "swift-log"),
            ]),
        .target(name: "MailLog", dependencies: ["Basics", "Core", "TLSRPT"]),
        .target(name: "HTML", dependencies: ["Basics", "TLSRPT"]),
        .target(name: "ReportView", dependencies: ["Basics", "Concurrency", "Gzip", "HTML", "Mail", "TLSRPT"]),
        // The parsers of three adapters, without what they do I/O with.
        .target(
            name: "PolicyMap", dependencies: ["Basics", "Core", "MTASTS"],
            sources: ["AcceptedNames.swift", "MapForm.swift", "MapReply.swift", "Netstring.swift"]),
        .target(
            name: "Intake", dependencies: ["Basics", "Core", "MailLog", "TLSRPT"], path: "Sources/Intake/Datagram",
            sources: [
                "DatagramError.swift", "DatagramMessage.swift", "DatagramScanner.swift", "TLSRPTDatagram+Reading.swift",
                "TLSRPTDatagram.swift",
            ]),
        .target(
            name: "Preload", dependencies: ["Basics", "Core", "MTASTS"],
            sources: ["JSONValue.swift", "PreloadList.swift", "PreloadList+JSON.swift", "PreloadList+Parsing.swift"]),
        fuzzer("FuzzRecord", ["MTASTS"]),
        fuzzer("FuzzPolicy", ["MTASTS"]),
        fuzzer("FuzzName", ["Basics"]),
        fuzzer("FuzzNextHop", ["Basics", "Core"]),
        fuzzer("FuzzNetstring", ["PolicyMap"]),
        fuzzer("FuzzMapReply", ["Basics", "Core", "MTASTS", "PolicyMap"]),
        fuzzer("FuzzDatagram", ["Basics", "Core", "Intake"]),
        fuzzer("FuzzSendmailLog", ["Basics", "Core", "MailLog"]),
        fuzzer("FuzzTLSRPTRecord", ["TLSRPT"]),
        fuzzer("FuzzReport", ["ReportView", "TLSRPT"]),
        fuzzer("FuzzPreloadList", ["MTASTS", "Preload"]),
        fuzzer("FuzzPostfixLog", ["Basics", "Core", "MailLog"]),
        // What the fuzzers start from; built without the sanitizer.
        .target(name: "RuleTables", dependencies: ["Basics", "MTASTS"], path: "RuleTables"),
        .executableTarget(name: "fuzz-corpus", dependencies: ["RuleTables"], path: "Corpus"),
    ],
    swiftLanguageModes: [.v6]
)
