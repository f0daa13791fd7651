// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Where functions lie in the program: those that run at a start stand together, since the kernel maps 64 KiB around each
// that is called (Linking/order, docs/performance.md). Symbols that nobody outside asks for, and addresses in a form that
// is read at each start, would come to 4 MB. The addresses of the libraries are found at the start, then read-only. Functions
// that are alike, as many that the compiler makes are, stand there once: 2 MB less.
let layout = [
    "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
    "-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "--icf=all", "-Xlinker", "--no-warn-symbol-ordering",
    "-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/Linking/start-order",
    "-Xlinker", "\(Context.packageDirectory)/Linking/local-functions.ld",
    "-Xlinker", "\(Context.packageDirectory)/Linking/no-sums.ld",
]

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
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        // Without Foundation, of which its input and output could be.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // C libraries
        .systemLibrary(name: "CClock", path: "CShims/CClock"),
        .systemLibrary(name: "CMemory", path: "CShims/CMemory"),
        .systemLibrary(name: "CStandardOutput", path: "CShims/CStandardOutput"),
        .systemLibrary(name: "CThreads", path: "CShims/CThreads"),
        .systemLibrary(
            name: "CCurl", path: "CShims/CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CIDN2", path: "CShims/CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(
            name: "CMilter", path: "CShims/CMilter", pkgConfig: "milter", providers: [.apt(["libmilter-dev"])]),
        .systemLibrary(name: "CPSL", path: "CShims/CPSL", pkgConfig: "libpsl", providers: [.apt(["libpsl-dev"])]),
        .systemLibrary(name: "CPQ", path: "CShims/CPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "CShims/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CSQLite", path: "CShims/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(
            name: "CSystemd", path: "CShims/CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CZlib", path: "CShims/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CUnbound", path: "CShims/CUnbound", providers: [.apt(["libunbound-dev"])]),

        // Layer 0: the words of mail and time
        .target(name: "Basics", dependencies: ["CIDN2", "CPSL"]),

        // Layer 1: the rules of the two RFCs, pure
        .target(name: "MTASTS", dependencies: ["Basics"]),
        .target(name: "TLSRPT", dependencies: ["Basics"]),
        // What an administrator is told, as values
        .target(name: "Status", dependencies: ["Basics"]),

        // Layer 2: one tool, library or protocol each
        .target(
            name: "Concurrency", dependencies: ["Basics", .product(name: "Logging", package: "swift-log")],
            // So that libdispatch finds Concurrency/DispatchMonitor.swift before the C library.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic-symbol=open"])]),
        .target(
            name: "Processes",
            dependencies: [
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(name: "Events", dependencies: ["Basics"]),
        .target(name: "Metrics"),
        .target(name: "DNS", dependencies: ["Basics", "CUnbound", "Concurrency", "Events", "Metrics"]),
        .target(name: "TLS", dependencies: ["Basics", "COpenSSL", "Events"]),
        .target(name: "SMTP", dependencies: ["Basics", "Events", "TLS"]),
        .target(name: "HTTP", dependencies: ["Basics", "CCurl", "COpenSSL", "Events", "TLS"]),
        .target(name: "EventLog", dependencies: ["Basics", .product(name: "Logging", package: "swift-log")]),
        .target(name: "Gzip", dependencies: ["CZlib"]),
        .target(name: "Mail", dependencies: ["Basics", "COpenSSL", "TLSRPT"]),
        .target(
            name: "Sockets",
            dependencies: [
                "Basics", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(name: "HTML", dependencies: ["Basics", "TLSRPT"]),
        .target(name: "PostgreSQL", dependencies: ["Basics", "CPQ", "Events"]),
        .target(name: "SQLite", dependencies: ["Basics", "CSQLite"]),

        // Layer 3: the core, with its model and its ports; and reporting, with its own
        .target(
            name: "Core",
            dependencies: [
                "Basics", "Concurrency", "MTASTS", "TLSRPT", .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Reporting",
            dependencies: ["Basics", "Gzip", "TLSRPT", .product(name: "Logging", package: "swift-log")]),

        // Layer 4: what an MTA's log says, pure
        .target(name: "MailLog", dependencies: ["Basics", "Core", "TLSRPT"]),

        // Layer 5: one adapter each
        .target(
            name: "Milter",
            dependencies: [
                "Basics", "CMilter", "Concurrency", "Core", "EventLog", "Metrics", "Sockets", "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ],
            // Sessions belong to one connection, whose callbacks libmilter runs one after the other. The checks cost a
            // tenth of a verdict; debug builds, and so all tests, have them.
            swiftSettings: [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))],
            // So that libmilter finds Milter/SignalThread.swift before the C library; not all linkers see the need.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic-symbol=sigwait"])]),
        .target(
            name: "PolicyMap",
            dependencies: [
                "Basics", "Concurrency", "Core", "MTASTS", "Metrics", "Sockets",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "Discovery",
            dependencies: [
                "Basics", "Concurrency", "Core", "DNS", "Events", "HTTP", "MTASTS", "Reporting", "TLS", "TLSRPT",
            ]),
        .target(
            name: "Probe", dependencies: ["Basics", "Concurrency", "Core", "DNS", "Events", "SMTP", "TLS", "TLSRPT"]),
        .target(
            name: "Preload",
            dependencies: ["Basics", "Core", "MTASTS", "Processes", .product(name: "Logging", package: "swift-log")]),
        .target(
            name: "Intake",
            dependencies: [
                "Basics", "CSystemd", "CThreads", "Concurrency", "Core", "Events", "Gzip", "MailLog", "Sockets",
                "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Store",
            dependencies: [
                "Basics", "CSQLite", "CSystemd", "Concurrency", "Core", "MTASTS", "Metrics", "Reporting", "SQLite",
                "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Fleet",
            dependencies: [
                "Basics", "Concurrency", "Core", "MTASTS", "PostgreSQL", "Reporting", "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Courier",
            dependencies: ["Basics", "DNS", "HTTP", "Mail", "Processes", "Reporting", "SMTP", "TLS", "TLSRPT"]),
        .target(name: "ReportView", dependencies: ["Basics", "Concurrency", "Gzip", "HTML", "Mail", "TLSRPT"]),
        .target(
            name: "StatusPage",
            dependencies: [
                "Basics", "HTML", "Metrics", "Sockets", "Status", "TLSRPT",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),

        // Layer 6: parts of the daemon that know nothing of each other
        .target(
            name: "Control",
            dependencies: [
                "Basics", "Sockets", "Status", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "Settings",
            dependencies: [
                "Basics", "Core", "Courier", "DNS", "Discovery", "EventLog", "Fleet", "Intake", "MTASTS", "Mail",
                "Milter", "PolicyMap", "Preload", "Probe", "Reporting", "Sockets", "StatusPage",
                .product(name: "Logging", package: "swift-log"), .product(name: "TOMLKit", package: "TOMLKit"),
            ]),
        .target(name: "MTACheck", dependencies: ["Basics", "Core", "Intake", "PolicyMap", "Processes", "TLS"]),

        // Layer 7: the daemon
        .target(
            name: "MTASetup",
            dependencies: ["Basics", "DNS", "MTACheck", "Processes", "SMTP", "Settings"]),
        .target(
            name: "Daemon",
            dependencies: [
                "Basics", "CClock", "CMemory", "CSystemd", "Concurrency", "Control", "Core", "Courier", "DNS",
                "Discovery", "EventLog", "Events", "Fleet", "Gzip", "HTTP", "Intake", "MTASTS", "MailLog", "Metrics",
                "Milter", "PolicyMap", "Preload", "Probe", "ReportView", "Reporting", "SMTP", "Settings", "Status",
                "StatusPage",
                "Store", "TLS", "TLSRPT",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),

        // Layer 8: its commands
        .executableTarget(
            name: "sts-milter",
            dependencies: [
                "Basics", "CStandardOutput", "Control", "Core", "Daemon", "Fleet", "MTACheck", "MTASTS", "MTASetup",
                "Preload",
                "Processes",
                "ReportView", "Reporting", "Settings", "TLS", "TLSRPT",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            linkerSettings: [.unsafeFlags(layout, .when(configuration: .release))]),

        // The laboratory: real MTAs and faulty servers on loopback
        .target(
            name: "LabKit",
            dependencies: [
                "Basics", "COpenSSL", "TestKit", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/LabKit"),
        .executableTarget(name: "demo", dependencies: ["Gzip", "LabKit"], path: "Tests/Demo"),

        // What tests share that need no laboratory
        .target(
            name: "TestKit", dependencies: ["Basics", .product(name: "Logging", package: "swift-log")],
            path: "Tests/TestKit"),
        .target(name: "RuleTables", dependencies: ["Basics", "MTASTS"], path: "Tests/RuleTables"),
        .executableTarget(
            name: "intake-victim",
            dependencies: [
                "Basics", "Core", "Intake", "MailLog", "Store", "TLSRPT",
                .product(name: "Logging", package: "swift-log"),
            ], path: "Tests/IntakeVictim"),
        .executableTarget(
            name: "fleet-victim",
            dependencies: [
                "Basics", "Core", "Fleet", "Store", "TLSRPT", .product(name: "Logging", package: "swift-log"),
            ], path: "Tests/FleetVictim"),
        .executableTarget(
            name: "impatient-daemon", dependencies: ["Daemon", "Settings"], path: "Tests/ImpatientDaemon"),

        .testTarget(name: "BasicsTests", dependencies: ["Basics", "RuleTables", "TestKit"]),
        .testTarget(name: "MTASTSTests", dependencies: ["Basics", "Core", "MTASTS", "RuleTables"]),
        .testTarget(name: "MetricsTests", dependencies: ["LabKit", "Metrics"]),
        .testTarget(name: "StatusTests", dependencies: ["Basics", "Status"]),
        .testTarget(name: "TLSRPTTests", dependencies: ["Basics", "RuleTables", "TLSRPT"]),
        .testTarget(
            name: "ConcurrencyTests",
            dependencies: [
                "Basics", "Concurrency", "LabKit", "TestKit", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "ProcessesTests", dependencies: ["Basics", "LabKit", "Processes", "TestKit"]),
        .testTarget(name: "EventsTests", dependencies: ["Events"]),
        .testTarget(name: "DNSTests", dependencies: ["Basics", "DNS", "LabKit", "TLS", "TestKit"]),
        .testTarget(name: "SMTPTests", dependencies: ["Basics", "DNS", "Events", "LabKit", "SMTP", "TLS"]),
        .testTarget(
            name: "FleetTests",
            dependencies: [
                "Basics", "Core", "Daemon", "Fleet", "Gzip", "LabKit", "MTASTS", "PostgreSQL", "Reporting", "Settings",
                "Store", "TLSRPT", "TestKit", "fleet-victim", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "SQLiteTests", dependencies: ["SQLite", "TestKit"]),
        .testTarget(name: "PostgreSQLTests", dependencies: ["Basics", "LabKit", "PostgreSQL", "TestKit"]),
        .testTarget(name: "HTTPTests", dependencies: ["Basics", "Events", "Gzip", "HTTP", "LabKit", "TLS"]),
        .testTarget(
            name: "EventLogTests",
            dependencies: ["Basics", "EventLog", "LabKit", .product(name: "Logging", package: "swift-log")]),
        .testTarget(
            name: "CoreTests",
            dependencies: [
                "Basics", "Core", "MTASTS", "RuleTables", "TLSRPT", "TestKit",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "ReportingTests",
            dependencies: [
                "Basics", "Core", "Gzip", "Reporting", "Store", "TLSRPT", "TestKit",
                .product(name: "Logging", package: "swift-log"),
            ], exclude: ["schema"]),
        .testTarget(
            name: "MailLogTests", dependencies: ["Basics", "Core", "MailLog", "TLSRPT"], resources: [.copy("Logs")]),
        .testTarget(
            name: "MilterTests",
            dependencies: [
                "Basics", "CMilter", "Core", "EventLog", "LabKit", "MTASTS", "Metrics", "Milter", "Sockets", "TLSRPT",
                "TestKit",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "PolicyMapTests",
            dependencies: [
                "Basics", "Concurrency", "Core", "MTASTS", "PolicyMap", "RuleTables", "Sockets", "TLSRPT", "TestKit",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "DiscoveryTests",
            dependencies: [
                "Basics", "Core", "DNS", "Discovery", "Events", "Gzip", "HTTP", "LabKit", "MTASTS", "Reporting", "TLS",
                "TLSRPT", "TestKit",
            ]),
        .testTarget(
            name: "ProbeTests",
            dependencies: ["Basics", "Core", "DNS", "Events", "LabKit", "Probe", "SMTP", "TLS", "TLSRPT"]),
        .testTarget(
            name: "PreloadTests",
            dependencies: [
                "Basics", "Core", "LabKit", "MTASTS", "Preload", "TestKit",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "IntakeTests",
            dependencies: [
                "Basics", "Concurrency", "Core", "Gzip", "Intake", "LabKit", "MailLog", "RuleTables", "Store",
                "TLSRPT", "TestKit", "intake-victim", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "Basics", "CSQLite", "Core", "Gzip", "Intake", "MTASTS", "Reporting", "SQLite", "Store", "TLSRPT",
                "TestKit",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "CourierTests",
            dependencies: [
                "Basics", "Courier", "DNS", "Gzip", "HTTP", "LabKit", "Mail", "Reporting", "SMTP", "TLS", "TLSRPT",
                "TestKit",
            ]),
        .testTarget(
            name: "ReportViewTests", dependencies: ["Basics", "Gzip", "HTML", "Mail", "ReportView", "TLSRPT"],
            resources: [.copy("Reports")]),
        .testTarget(
            name: "StatusPageTests",
            dependencies: [
                "Basics", "LabKit", "Metrics", "Status", "StatusPage", "TestKit",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "SettingsTests", dependencies: ["Basics", "Courier", "LabKit", "Mail", "Settings", "TestKit"]),
        .testTarget(
            name: "MTACheckTests",
            dependencies: ["Basics", "LabKit", "MTACheck", "Settings", "TLS", "TestKit"]),
        .testTarget(
            name: "MTASetupTests",
            dependencies: ["Basics", "MTACheck", "MTASetup", "Processes", "Settings", "TestKit"]),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                "Basics", "Core", "DNS", "Daemon", "Gzip", "LabKit", "MTASTS", "Milter", "Reporting", "Settings",
                "Sockets", "Status", "Store", "TLSRPT", "TestKit", "impatient-daemon", "sts-milter",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "DocsTests", dependencies: ["TestKit", "sts-milter"], exclude: ["Files"]),
    ],
    swiftLanguageModes: [.v6]
)

// A section for each function, so that the linker can order them; `make release` says so to the libraries as well.
for target in package.targets where target.type == .regular || target.type == .executable {
    let sections = SwiftSetting.unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release))
    target.swiftSettings = (target.swiftSettings ?? []) + [sections]
}
