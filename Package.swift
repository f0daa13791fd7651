// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Layers: a module imports only modules above it in this list of targets (docs/design.md).
let package = Package(
    name: "sts-milter",
    products: [
        .executable(name: "sts-milter", targets: ["sts-milter"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // C libraries
        .systemLibrary(name: "CClock", path: "CShims/CClock"),
        .systemLibrary(name: "CIDN2", path: "CShims/CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(
            name: "CMilter", path: "CShims/CMilter", pkgConfig: "milter", providers: [.apt(["libmilter-dev"])]),
        .systemLibrary(name: "CPSL", path: "CShims/CPSL", pkgConfig: "libpsl", providers: [.apt(["libpsl-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "CShims/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CSystemd", path: "CShims/CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CZlib", path: "CShims/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CUnbound", path: "CShims/CUnbound", providers: [.apt(["libunbound-dev"])]),

        // Layer 0: rules, no I/O, no clock
        .target(name: "Names", dependencies: ["CIDN2", "CPSL"]),
        .target(name: "TLSRPT", dependencies: ["Names"]),
        .target(name: "MTASTS", dependencies: ["Names", "TLSRPT"]),

        // Layer 1: what strangers share
        .target(name: "Concurrency", dependencies: ["Names"]),

        // Layer 1: the network
        .target(
            name: "Wire",
            dependencies: [
                "Concurrency", "Names", "CUnbound", "COpenSSL",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),

        // Layer 1: compression, child processes
        .target(name: "Gzip", dependencies: ["CZlib"]),
        .target(name: "Sockets", dependencies: ["Names"]),
        .target(name: "Spawn"),

        // Layer 2: one adapter each
        .target(name: "Probe", dependencies: ["Concurrency", "MTASTS", "Names", "TLSRPT", "Wire"]),
        .target(
            name: "Discovery",
            dependencies: [
                "Concurrency", "MTASTS", "Names", "TLSRPT", "Wire",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .target(
            name: "Store",
            dependencies: [
                "MTASTS", "Names", "TLSRPT", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Milter",
            dependencies: [
                "CMilter", "Concurrency", "MTASTS", "Names", "Sockets", "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ],
            // So that libmilter finds Milter/SignalThread.swift before the C library; not all linkers see the need.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic-symbol=sigwait"])]),
        .target(
            name: "PolicyMap",
            dependencies: [
                "MTASTS", "Names", "Sockets", "TLSRPT", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "Pipeline",
            dependencies: [
                "Concurrency", "MTASTS", "Names", "TLSRPT", .product(name: "Logging", package: "swift-log"),
            ]),

        .target(
            name: "Preload",
            dependencies: ["MTASTS", "Names", "Spawn", "TLSRPT", .product(name: "Logging", package: "swift-log")]),

        .target(
            name: "Intake",
            dependencies: [
                "CSystemd", "MTASTS", "Names", "Sockets", "TLSRPT", .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Courier",
            dependencies: [
                "COpenSSL", "Gzip", "Names", "Spawn", "TLSRPT", "Wire",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .target(
            name: "Reporting",
            dependencies: ["Gzip", "MTASTS", "Names", "TLSRPT", .product(name: "Logging", package: "swift-log")]),
        .target(name: "ReportView", dependencies: ["Gzip", "Names", "TLSRPT"]),

        // Layer 3 and 4: the daemon and its commands
        .target(
            name: "Daemon",
            dependencies: [
                "CClock", "Courier", "Discovery", "Gzip", "Intake", "MTASTS", "Milter", "Names", "Pipeline",
                "PolicyMap",
                "Preload",
                "Probe", "Reporting", "Sockets", "Store", "TLSRPT", "Wire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "TOMLKit", package: "TOMLKit"),
            ]),
        .executableTarget(
            name: "sts-milter",
            dependencies: [
                "Daemon", "Intake", "MTASTS", "Names", "Preload", "ReportView", "TLSRPT",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // The laboratory: real MTAs and faulty servers on loopback
        .target(
            name: "LabKit",
            dependencies: [
                "Names", "Spawn",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/LabKit"),
        .executableTarget(name: "demo", dependencies: ["LabKit"], path: "Tests/Demo"),

        .target(name: "RuleTables", dependencies: ["MTASTS", "Names"], path: "Tests/RuleTables"),
        .executableTarget(
            name: "bench-map",
            dependencies: [
                "LabKit", "MTASTS", "Names", "PolicyMap", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/Bench/map"),
        .executableTarget(
            name: "bench-intake",
            dependencies: [
                "Intake", "MTASTS", "Names", "Store", "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Bench/intake"),
        .executableTarget(
            name: "intake-victim",
            dependencies: [
                "Intake", "MTASTS", "Names", "Store", "TLSRPT", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/IntakeVictim"),
        .executableTarget(
            name: "bench-reports",
            dependencies: [
                "Gzip", "MTASTS", "Names", "Reporting", "Store", "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Bench/reports"),
        .executableTarget(name: "bench-gate", dependencies: ["LabKit"], path: "Tests/Bench/gate"),
        .executableTarget(name: "fuzz-corpus", dependencies: ["RuleTables"], path: "Tests/FuzzCorpus"),

        .executableTarget(
            name: "bench-policies",
            dependencies: ["Store", "MTASTS", "Names", .product(name: "Logging", package: "swift-log")],
            path: "Tests/Bench/policies"),

        .testTarget(name: "NamesTests", dependencies: ["Names", "RuleTables"]),
        .testTarget(name: "TLSRPTTests", dependencies: ["TLSRPT", "Names", "RuleTables"]),
        .testTarget(name: "MTASTSTests", dependencies: ["MTASTS", "Names", "RuleTables", "TLSRPT"]),
        .testTarget(name: "ConcurrencyTests", dependencies: ["Concurrency", "Names", "LabKit"]),
        .testTarget(name: "WireTests", dependencies: ["Wire", "Names", "LabKit"]),
        .testTarget(name: "ProbeTests", dependencies: ["Probe", "MTASTS", "Names", "TLSRPT", "Wire", "LabKit"]),
        .testTarget(
            name: "DiscoveryTests", dependencies: ["Discovery", "MTASTS", "Names", "TLSRPT", "Wire", "LabKit"]),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "Store", "MTASTS", "Names", "TLSRPT", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "MilterTests",
            dependencies: [
                "CMilter", "LabKit", "Milter", "MTASTS", "Names", "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "PolicyMapTests",
            dependencies: [
                "MTASTS", "Names", "PolicyMap", "RuleTables", "TLSRPT", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "PipelineTests",
            dependencies: ["Pipeline", "MTASTS", "Names", "TLSRPT", .product(name: "Logging", package: "swift-log")]),
        .testTarget(
            name: "PreloadTests",
            dependencies: [
                "Preload", "MTASTS", "Names", "LabKit", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "IntakeTests",
            dependencies: [
                "Intake", "LabKit", "MTASTS", "Names", "RuleTables", "Store", "TLSRPT", "intake-victim",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
            ], resources: [.copy("Logs")]),
        .testTarget(
            name: "CourierTests",
            dependencies: [
                "Courier", "Gzip", "LabKit", "Names", "TLSRPT", "Wire", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "ReportingTests",
            dependencies: [
                "Gzip", "MTASTS", "Names", "Reporting", "Store", "TLSRPT",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
            ], exclude: ["schema"]),
        .testTarget(
            name: "ReportViewTests", dependencies: ["Gzip", "Names", "ReportView", "TLSRPT"],
            resources: [.copy("Reports")]),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                "Courier", "Daemon", "Gzip", "LabKit", "MTASTS", "Milter", "Names", "Pipeline", "Reporting", "Sockets",
                "Store", "TLSRPT", "Wire", "sts-milter",
                .product(name: "Logging", package: "swift-log"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
